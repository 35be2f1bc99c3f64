//! Pictures in a terminal: what each kind of terminal is sent is decoded and held against the photo.

use std::io::{Cursor, Read, Write};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::imageops::FilterType;
use image::{DynamicImage, RgbImage};
use imgsearch::photo::Photo;

use crate::common::Workspace;
use crate::common::skip::skip;

/// What a terminal is asked last.
const QUESTION: &[u8] = b"\x1b[c";

/// What the command sends to a terminal of so many columns that says so of itself and answers so.
/// Nothing where there is no `script` to make a terminal.
fn sent(w: &Workspace, set: &[(&str, &str)], answer: &[u8], columns: u32) -> Option<String> {
    let command = w.command(&["query", "photos/city_0.png", "--preview", "-k", "1"]);
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| format!("'{}'", word.to_str().unwrap()));
    let line = words.collect::<Vec<_>>().join(" ");
    let mut script = Command::new("script");
    script.args([
        "-qec",
        &format!("stty cols {columns} rows 24; {line}"),
        "/dev/null",
    ]);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    for name in ["TERM_PROGRAM", "LC_TERMINAL", "KITTY_WINDOW_ID", "TMUX"] {
        script.env_remove(name);
    }
    script
        .env("TERM", "xterm-256color")
        .envs(set.iter().copied());
    script.current_dir(w.dir.path());
    script.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = script.spawn().ok()?;
    let mut keys = child.stdin.take().unwrap();
    let (mut screen, mut seen) = (child.stdout.take().unwrap(), Vec::new());
    let mut bytes = [0; 4096];
    let mut is_answered = answer.is_empty();
    loop {
        let count = screen.read(&mut bytes).unwrap();
        if count == 0 {
            break;
        }
        seen.extend_from_slice(&bytes[..count]);
        if !is_answered && seen.windows(QUESTION.len()).any(|it| it == QUESTION) {
            keys.write_all(answer).unwrap();
            keys.flush().unwrap();
            is_answered = true;
        }
    }
    assert!(child.wait().unwrap().success());
    Some(String::from_utf8_lossy(&seen).replace('\r', ""))
}

/// The pieces of text between two marks.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> Vec<&'a str> {
    let pieces = text.split(begin).skip(1);
    pieces
        .map(|piece| piece.split_once(end).unwrap().0)
        .collect()
}

/// Width and height, and the pixels that come in pieces.
fn of_kitty(text: &str) -> RgbImage {
    let pieces = between(text, "\x1b_G", "\x1b\\");
    let pieces: Vec<_> = pieces
        .into_iter()
        .filter(|it| !it.contains("a=q"))
        .collect();
    let (first, _) = pieces[0].split_once(';').unwrap();
    let number = |key: &str| -> u32 {
        let mut keys = first.split(',').filter_map(|it| it.split_once('='));
        keys.find(|(name, _)| *name == key)
            .unwrap()
            .1
            .parse()
            .unwrap()
    };
    assert!(first.starts_with("a=T,f=24,"), "{first}");
    let data: String = pieces
        .iter()
        .map(|it| it.split_once(';').unwrap().1)
        .collect();
    assert!(pieces.iter().all(|piece| piece.len() < 4096 + 80));
    assert!(pieces.last().unwrap().contains("m=0;"));
    RgbImage::from_raw(number("s"), number("v"), STANDARD.decode(data).unwrap()).unwrap()
}

fn of_iterm(text: &str) -> RgbImage {
    let files = between(text, "\x1b]1337;File=", "\x07");
    assert_eq!(files.len(), 1);
    let (keys, data) = files[0].split_once(':').unwrap();
    let png = STANDARD.decode(data).unwrap();
    assert!(
        keys.contains("inline=1") && keys.contains(&format!("size={};", png.len())),
        "{keys}"
    );
    let mut reader = image::ImageReader::new(Cursor::new(png));
    reader.set_format(image::ImageFormat::Png);
    reader.decode().unwrap().into_rgb8()
}

/// Sixels: `#n;2;r;g;b` says a colour, `#n` takes it, `!n` repeats, `$` begins the strip again, `-` the
/// next.
fn of_sixel(text: &str) -> RgbImage {
    let data = between(text, "\x1bP0;1;0q", "\x1b\\");
    assert_eq!(data.len(), 1);
    let bytes = data[0].strip_prefix('"').unwrap().as_bytes();
    let mut place = 0;
    let numbers = |place: &mut usize| -> Vec<u32> {
        let from = *place;
        while bytes
            .get(*place)
            .is_some_and(|c| c.is_ascii_digit() || *c == b';')
        {
            *place += 1;
        }
        let text = std::str::from_utf8(&bytes[from..*place]).unwrap();
        text.split(';').map(|it| it.parse().unwrap()).collect()
    };
    let size = numbers(&mut place);
    let mut picture = RgbImage::new(size[2], size[3]);
    let mut colours = vec![[0u8; 3]; 256];
    let (mut colour, mut left, mut top) = ([0; 3], 0, 0);
    while place < bytes.len() {
        let letter = bytes[place];
        place += 1;
        let (mut count, mut sixel) = (1, letter);
        match letter {
            b'#' => {
                let said = numbers(&mut place);
                let index = said[0] as usize;
                if said.len() == 5 {
                    colours[index] = [said[2], said[3], said[4]].map(|it| (it * 255 / 100) as u8);
                } else {
                    colour = colours[index];
                }
                continue;
            }
            b'$' => {
                left = 0;
                continue;
            }
            b'-' => {
                (left, top) = (0, top + 6);
                continue;
            }
            b'!' => {
                count = numbers(&mut place)[0];
                sixel = bytes[place];
                place += 1;
            }
            _ => {}
        }
        for _ in 0..count {
            for row in (0..6).filter(|row| (sixel - b'?') & (1 << row) != 0) {
                picture.put_pixel(left, top + row, image::Rgb(colour));
            }
            left += 1;
        }
    }
    picture
}

type Decode = fn(&str) -> RgbImage;

/// The photo as small as it was sent.
fn expected(w: &Workspace, columns: u32) -> RgbImage {
    let photo = Photo::read(w.path("photos/city_0.png")).unwrap();
    let photo = DynamicImage::from(photo.decode().unwrap().image);
    photo
        .resize(columns * 8, 15 * 16, FilterType::Triangle)
        .into_rgb8()
}

/// The largest difference of parts of 20 × 20 pixels, of their means.
fn difference(one: &RgbImage, other: &RgbImage) -> f64 {
    assert_eq!(one.dimensions(), other.dimensions());
    let mean = |picture: &RgbImage, left: u32, top: u32, channel: usize| {
        let mut sum = 0.0;
        for (x, y) in (0..400).map(|it| (left + it % 20, top + it / 20)) {
            sum += f64::from(picture.get_pixel(x, y).0[channel]);
        }
        sum / 400.0
    };
    let mut most = 0.0_f64;
    for left in (0..one.width() - 19).step_by(20) {
        for top in (0..one.height() - 19).step_by(20) {
            for channel in 0..3 {
                let parts = [one, other].map(|it| mean(it, left, top, channel));
                most = most.max((parts[0] - parts[1]).abs());
            }
        }
    }
    most
}

#[test]
fn every_kind_of_terminal_is_sent_the_picture_in_its_own_way_and_no_wider_than_it_is() {
    let w = Workspace::painted(2, 2);
    w.run(&["index", "photos", "--ranking", "none"], 0);
    let kitty: &[u8] = b"\x1b_Gi=31;OK\x1b\\\x1b[?62;c";
    for (name, set, answer, decode) in [
        (
            "kitty",
            &[("TERM", "xterm-kitty")][..],
            &b""[..],
            of_kitty as Decode,
        ),
        ("kitty, asked", &[], kitty, of_kitty),
        ("iTerm2", &[("TERM_PROGRAM", "iTerm.app")], b"", of_iterm),
        ("WezTerm", &[("TERM_PROGRAM", "WezTerm")], b"", of_iterm),
        ("sixel", &[], b"\x1b[?62;4;22c", of_sixel),
    ] {
        for (columns, shown) in [(80, 30), (16, 15)] {
            let Some(text) = sent(&w, set, answer, columns) else {
                skip("there is no `script` to make a terminal");
                return;
            };
            let most = difference(&decode(&text), &expected(&w, shown));
            let allowed = if name == "sixel" { 12.0 } else { 0.0 };
            assert!(most <= allowed, "{name}: {most}");
            let line = text.lines().last().unwrap();
            assert!(
                line.ends_with("1  1.0000  photos/city_0.png"),
                "{name}: {line}"
            );
            // Nobody is asked who has said it.
            assert_eq!(text.contains("a=q"), !answer.is_empty(), "{name}");
        }
    }
}

#[test]
fn a_terminal_that_answers_nothing_or_knows_no_pictures_is_sent_half_blocks() {
    let w = Workspace::painted(2, 2);
    w.run(&["index", "photos"], 0);
    for (set, answer) in [
        (&[][..], &b""[..]),
        (&[], b"\x1b[?1;2c"),
        (
            &[
                ("TMUX", "/tmp/tmux-0/default,1,0"),
                ("KITTY_WINDOW_ID", "1"),
            ],
            b"\x1b[?1;2c",
        ),
    ] {
        for (columns, shown) in [(80, 30 * 12), (11, 10 * 4)] {
            let Some(text) = sent(&w, set, answer, columns) else {
                skip("there is no `script` to make a terminal");
                return;
            };
            assert_eq!(text.matches('▀').count(), shown, "{text}");
            assert!(!text.contains("\x1bP") && !text.contains("1337"));
        }
    }
}
