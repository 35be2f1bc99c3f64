//! Matches with their pictures in a terminal, in the way that it has of showing pictures: kitty's,
//! iTerm2's, sixel, or half blocks.

mod blocks;
mod iterm;
mod kitty;
mod sixel;
mod terminal;

use std::io::{self, Write};
use std::path::Path;

use image::imageops::FilterType;
use image::{DynamicImage, RgbImage};
use imgsearch::gallery::Match;
use imgsearch::photo::{Photo, Rendering};

pub use self::terminal::is_possible;
use self::terminal::{Protocol, Terminal};
use super::table;

/// The most columns and rows of characters that a picture takes.
const COLUMNS: u32 = 30;
const ROWS: u32 = 15;

/// Each picture, as far as it can be read, and the line about it below.
pub fn matches(matches: &[Match], out: &mut dyn Write) -> io::Result<()> {
    let terminal = Terminal::here();
    for (rank, found) in (1..).zip(matches) {
        if let Some(picture) = thumbnail(&found.record.path, &terminal) {
            out.write_all(drawn(&picture, &terminal)?.as_bytes())?;
        }
        table::one_match(rank, found, out)?;
    }
    Ok(())
}

/// A picture as large as the terminal may show it: in half blocks two pixels are a character, one above
/// the other, else it has the terminal's own.
fn thumbnail(path: &Path, terminal: &Terminal) -> Option<RgbImage> {
    let (width, height) = match terminal.protocol {
        Protocol::Blocks => (1, 2),
        _ => terminal.cell,
    };
    // The last column stays free: some terminals begin a new line behind it.
    let columns = COLUMNS.min(terminal.columns.saturating_sub(1)).max(1);
    let (width, height) = (columns * width, ROWS * height);
    let photo = Photo::read(path).ok()?;
    let picture = photo.decode_for(&Rendering::of_side(height)).ok()?;
    let picture = DynamicImage::from(picture.image);
    let small = picture.resize(width, height, FilterType::Triangle);
    Some(small.into_rgb8())
}

/// The picture as the terminal takes it, and the end of its last line.
fn drawn(picture: &RgbImage, terminal: &Terminal) -> io::Result<String> {
    let (width, height) = terminal.cell;
    let columns = picture.width().div_ceil(width);
    let rows = picture.height().div_ceil(height);
    Ok(match terminal.protocol {
        Protocol::Blocks => blocks::drawn(picture),
        Protocol::Kitty => kitty::drawn(picture, columns, rows),
        Protocol::Iterm => iterm::drawn(picture, columns, rows)?,
        Protocol::Sixel => sixel::drawn(picture),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal(protocol: Protocol, columns: u32) -> Terminal {
        Terminal {
            protocol,
            columns,
            cell: (8, 16),
        }
    }

    #[test]
    fn a_picture_keeps_its_shape_is_no_wider_than_the_terminal_and_one_that_is_gone_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wide.png");
        RgbImage::new(400, 100).save(&path).unwrap();
        for (protocol, columns, size) in [
            (Protocol::Blocks, 80, (30, 8)),
            (Protocol::Blocks, 21, (20, 5)),
            (Protocol::Kitty, 80, (240, 60)),
            (Protocol::Sixel, 11, (80, 20)),
        ] {
            let small = thumbnail(&path, &terminal(protocol, columns)).unwrap();
            assert_eq!(small.dimensions(), size, "{protocol:?}");
        }
        let gone = folder.path().join("gone.png");
        assert!(thumbnail(&gone, &terminal(Protocol::Blocks, 80)).is_none());
    }
}
