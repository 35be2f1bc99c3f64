//! Photos that are skipped, said in few lines: a folder of three hundred of one kind would fill the
//! screen with what one line says.

use std::path::Path;

use imgsearch::Error;
use imgsearch::document::Place;

use super::output::{clean, clean_line, shown_clean, skipped_line};
use super::tell::{has_details, tell};

/// So many of one reason are named each by itself.
const EACH: usize = 3;

/// Lines about skipped photos that are held back until it is known how many have the same reason.
#[derive(Default)]
pub struct SkippedLines {
    reasons: Vec<Reason>,
}

struct Reason {
    words: String,
    /// Of the first, a line and a name each.
    first: Vec<(String, String)>,
    count: usize,
}

impl SkippedLines {
    /// A photo was skipped. Where everything is to be told, it is at once.
    pub fn note(&mut self, path: &Path, error: &Error) {
        let line = skipped_line(path, error);
        self.hold(&reason(path, error), shown_clean(path), line);
    }

    /// The same of one whose reason is words already, in which its name is.
    pub fn note_said(&mut self, place: &Place, said: &str) {
        let (full, name) = (place.absolute().unwrap_or_default(), place.path());
        let line = format!("skipped: {}", clean(said));
        self.hold(&without(said, full), clean_line(name), line);
    }

    fn hold(&mut self, words: &str, name: String, line: String) {
        if has_details() {
            tell!("{line}");
            return;
        }
        let known = self.reasons.iter().position(|it| it.words == words);
        let place = known.unwrap_or_else(|| {
            self.reasons.push(Reason {
                words: words.to_owned(),
                first: Vec::new(),
                count: 0,
            });
            self.reasons.len() - 1
        });
        let reason = &mut self.reasons[place];
        reason.count += 1;
        if reason.first.len() < EACH {
            reason.first.push((line, name));
        }
    }

    /// Says what was held back.
    pub fn tell(&mut self) {
        for reason in self.reasons.drain(..) {
            for line in reason.lines() {
                tell!("{line}");
            }
        }
    }
}

impl Drop for SkippedLines {
    fn drop(&mut self) {
        self.tell();
    }
}

impl Reason {
    fn lines(self) -> Vec<String> {
        let Self {
            words,
            first,
            count,
        } = self;
        let (lines, names): (Vec<String>, Vec<String>) = first.into_iter().unzip();
        if count <= EACH {
            return lines;
        }
        let (names, more) = (names.join(", "), count - EACH);
        vec![format!(
            "skipped {count}: {}: {names} and {more} more",
            clean(&words)
        )]
    }
}

/// An error's words without the photo's name.
fn reason(path: &Path, error: &Error) -> String {
    without(&error.to_string(), &path.display().to_string())
}

fn without(said: &str, name: &str) -> String {
    if name.is_empty() {
        return said.to_owned();
    }
    let said = said.replacen(&format!(": {name}"), "", 1);
    said.replacen(&format!(" {name}"), "", 1)
}

/// `12 files of other kinds: MP4 4, TXT 3, …`, the most first.
pub fn of_other_kinds<'a>(
    others: impl IntoIterator<Item = (&'a String, &'a usize)>,
) -> Option<String> {
    /// As many kinds are named.
    const NAMED: usize = 6;
    let mut kinds: Vec<(&str, usize)> = others
        .into_iter()
        .map(|(kind, count)| (kind.as_str(), *count))
        .collect();
    let all: usize = kinds.iter().map(|(_, count)| count).sum();
    kinds.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let rest: usize = kinds.iter().skip(NAMED).map(|(_, count)| count).sum();
    kinds.truncate(NAMED);
    if rest > 0 {
        kinds.push(("others", rest));
    }
    let word = |(kind, count): &(&str, usize)| match *kind {
        "" => format!("without an ending {count}"),
        kind => format!("{kind} {count}"),
    };
    let words: Vec<String> = kinds.iter().map(word).collect();
    let files = if all == 1 { "file" } else { "files" };
    let kind = if all == 1 {
        "another kind"
    } else {
        "other kinds"
    };
    (all > 0).then(|| format!("{all} {files} of {kind}: {}", words.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use imgsearch::error::{FileError, PhotoError};

    use super::*;

    fn lines(skipped: &SkippedLines) -> Vec<String> {
        let mut lines = Vec::new();
        for Reason {
            words,
            first,
            count,
        } in &skipped.reasons
        {
            let reason = Reason {
                words: words.clone(),
                first: first.clone(),
                count: *count,
            };
            lines.extend(reason.lines());
        }
        lines
    }

    #[test]
    fn thirty_of_one_reason_are_one_line_and_three_are_three() {
        let mut skipped = SkippedLines::default();
        for number in 0..30 {
            let path = format!("/p/{number}.jxl").into();
            let what = "JPEG XL".to_owned();
            let error = PhotoError::NotSupported { path, what }.into();
            skipped.note(Path::new(&format!("/p/{number}.jxl")), &error);
        }
        for number in 0..3 {
            let path = Path::new("/p").join(format!("{number}.jpg"));
            let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
            skipped.note(&path, &FileError::read_at(&path)(denied).into());
        }
        let lines = lines(&skipped);
        assert_eq!(
            lines[0],
            "skipped 30: not supported: JPEG XL: /p/0.jxl, /p/1.jxl, /p/2.jxl and 27 more"
        );
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[3], "skipped: cannot read /p/2.jpg: permission denied");
        assert_eq!(skipped.reasons[1].words, "cannot read: permission denied");
        skipped.reasons.clear();
    }

    #[test]
    fn other_kinds_are_one_line_with_the_most_first() {
        let said = |kinds: &[(&str, usize)]| {
            let kinds: BTreeMap<String, usize> = kinds
                .iter()
                .map(|(kind, count)| ((*kind).to_owned(), *count))
                .collect();
            of_other_kinds(&kinds)
        };
        assert_eq!(said(&[]), None);
        assert_eq!(
            said(&[("TXT", 1)]).unwrap(),
            "1 file of another kind: TXT 1"
        );
        assert_eq!(
            said(&[("TXT", 3), ("", 5), ("MP4", 4)]).unwrap(),
            "12 files of other kinds: without an ending 5, MP4 4, TXT 3"
        );
        let many = [
            ("A", 1),
            ("B", 2),
            ("C", 3),
            ("D", 4),
            ("E", 5),
            ("F", 6),
            ("G", 7),
            ("H", 8),
        ];
        assert_eq!(
            said(&many).unwrap(),
            "36 files of other kinds: H 8, G 7, F 6, E 5, D 4, C 3, others 3"
        );
    }
}
