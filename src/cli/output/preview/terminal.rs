//! Which terminal it is, and how it shows pictures: some say so in the environment, the others are
//! asked, and have a moment to answer. As the crate `viuer` finds it out.

use std::env;
use std::io::{self, IsTerminal};

/// How a terminal shows pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Kitty,
    Iterm,
    Sixel,
    Blocks,
}

/// The terminal that standard output is.
#[derive(Debug)]
pub struct Terminal {
    pub protocol: Protocol,
    /// Characters of a line.
    pub columns: u32,
    /// Width and height of a character in pixels.
    pub cell: (u32, u32),
}

/// What characters are where the terminal does not say: few are smaller.
const CELL: (u32, u32) = (8, 16);

/// Whether standard output is a terminal that has colours.
pub fn is_possible() -> bool {
    io::stdout().is_terminal() && env::var_os("TERM").is_none_or(|name| name != "dumb")
}

impl Terminal {
    /// Finds out; asks it if need be.
    pub fn here() -> Self {
        let by_name = said_by_environment(&|name| env::var(name).ok());
        let protocol = by_name.unwrap_or_else(|| {
            let answer = asking::ask(QUESTION).unwrap_or_default();
            said_by_answer(&answer)
        });
        let (columns, cell) = asking::size();
        Self {
            protocol,
            columns,
            cell: cell.unwrap_or(CELL),
        }
    }
}

/// What terminals set for the programs in them.
fn said_by_environment(get: &dyn Fn(&str) -> Option<String>) -> Option<Protocol> {
    const ITERMS: [&str; 5] = ["iTerm", "WezTerm", "mintty", "rio", "WarpTerminal"];
    let is_within = |name: &str, terminals: &[&str]| {
        let value = get(name).unwrap_or_default();
        terminals.iter().any(|terminal| value.contains(terminal))
    };
    // Within these the pictures of the terminal around them do not arrive as they are sent.
    if is_within("TERM", &["tmux", "screen"]) || get("TMUX").is_some() {
        return None;
    }
    if is_within("TERM", &["kitty", "ghostty"]) || get("KITTY_WINDOW_ID").is_some() {
        return Some(Protocol::Kitty);
    }
    let is_iterm = is_within("TERM_PROGRAM", &ITERMS) || is_within("LC_TERMINAL", &ITERMS);
    is_iterm.then_some(Protocol::Iterm)
}

/// May a pixel be shown by kitty's protocol? And then which device it is, which every terminal answers.
const QUESTION: &[u8] = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[c";

fn said_by_answer(answer: &[u8]) -> Protocol {
    let answer = String::from_utf8_lossy(answer);
    if answer.contains("\x1b_Gi=31;OK") {
        return Protocol::Kitty;
    }
    // `CSI ? 62 ; 4 ; … c`: 4 are sixels.
    let attributes = answer.rsplit_once("\x1b[?").map(|(_, rest)| rest);
    let attributes = attributes.and_then(|rest| rest.split_once('c'));
    match attributes {
        Some((numbers, _)) if numbers.split(';').skip(1).any(|it| it == "4") => Protocol::Sixel,
        _ => Protocol::Blocks,
    }
}

/// Whether the answer about the device has come, which is the last.
fn is_answered(answer: &[u8]) -> bool {
    let begun = answer.windows(3).rposition(|it| it == b"\x1b[?");
    begun.is_some_and(|place| answer[place..].contains(&b'c'))
}

#[cfg(unix)]
mod asking {
    use std::fs::File;
    use std::io::{self, Read, Write};
    use std::time::{Duration, Instant};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

    use super::is_answered;

    /// How long an answer may take: it may come from far away.
    const PATIENCE: Duration = Duration::from_millis(400);

    /// The terminal as it was, when this is dropped.
    struct Raw<'a>(&'a File, Termios);

    impl<'a> Raw<'a> {
        /// What is typed comes at once and is not shown, so that neither are answers.
        fn of(terminal: &'a File) -> io::Result<Self> {
            let usual = tcgetattr(terminal)?;
            let mut raw = usual.clone();
            raw.make_raw();
            tcsetattr(terminal, OptionalActions::Now, &raw)?;
            Ok(Self(terminal, usual))
        }
    }

    impl Drop for Raw<'_> {
        fn drop(&mut self) {
            // Where it is gone there is nothing to be put right.
            let _ = tcsetattr(self.0, OptionalActions::Now, &self.1);
        }
    }

    /// What the terminal answers; standard input may be something else.
    pub fn ask(question: &[u8]) -> io::Result<Vec<u8>> {
        let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
        let asked = terminal.try_clone()?;
        let _raw = Raw::of(&asked)?;
        terminal.write_all(question)?;
        let begun = Instant::now();
        let mut answer = Vec::new();
        while !is_answered(&answer) && answer.len() < 4096 {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let left = Timespec {
                tv_sec: 0,
                tv_nsec: left.subsec_nanos().into(),
            };
            let mut ready = [PollFd::new(&asked, PollFlags::IN)];
            if poll(&mut ready, Some(&left))? == 0 {
                break;
            }
            let mut bytes = [0; 256];
            let count = terminal.read(&mut bytes)?;
            if count == 0 {
                break;
            }
            answer.extend_from_slice(&bytes[..count]);
        }
        Ok(answer)
    }

    /// Characters of a line, and the pixels of one where the terminal says so.
    pub fn size() -> (u32, Option<(u32, u32)>) {
        let Ok(size) = tcgetwinsize(io::stdout()) else {
            return (80, None);
        };
        let [columns, rows] = [size.ws_col, size.ws_row].map(u32::from);
        let [width, height] = [size.ws_xpixel, size.ws_ypixel].map(u32::from);
        let cell = (width.checked_div(columns), height.checked_div(rows));
        let cell = match cell {
            (Some(width @ 4..=64), Some(height @ 4..=128)) => Some((width, height)),
            _ => None,
        };
        (if columns == 0 { 80 } else { columns }, cell)
    }
}

#[cfg(not(unix))]
mod asking {
    use std::io;

    pub fn ask(_: &[u8]) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    pub fn size() -> (u32, Option<(u32, u32)>) {
        let size = terminal_size::terminal_size();
        (size.map_or(80, |(width, _)| width.0.into()), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_known_by_what_they_set() {
        let said = |set: &[(&str, &str)]| {
            said_by_environment(&|name| {
                let found = set.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(said(&[("TERM", "xterm-kitty")]), Some(Protocol::Kitty));
        assert_eq!(
            said(&[("TERM_PROGRAM", "iTerm.app")]),
            Some(Protocol::Iterm)
        );
        assert_eq!(said(&[("LC_TERMINAL", "iTerm2")]), Some(Protocol::Iterm));
        assert_eq!(said(&[("TERM", "xterm-256color")]), None);
        let within = [("TERM", "tmux-256color"), ("KITTY_WINDOW_ID", "1")];
        assert_eq!(said(&within), None);
    }

    #[test]
    fn terminals_are_known_by_what_they_answer() {
        for (answer, protocol) in [
            (&b"\x1b_Gi=31;OK\x1b\\\x1b[?62;c"[..], Protocol::Kitty),
            (b"\x1b_Gi=31;ENOTSUP\x1b\\\x1b[?62;4;22c", Protocol::Sixel),
            (b"\x1b[?62;22;4c", Protocol::Sixel),
            (b"\x1b[?1;2c", Protocol::Blocks),
            (b"\x1b[?4;14c", Protocol::Blocks),
            (b"", Protocol::Blocks),
        ] {
            assert_eq!(said_by_answer(answer), protocol);
            assert_eq!(is_answered(answer), !answer.is_empty());
        }
        assert!(!is_answered(b"\x1b_Gi=31;OK\x1b\\\x1b[?62;"));
    }
}
