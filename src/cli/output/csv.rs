//! Comma-separated values.

use std::io::{self, Write};
use std::path::Path;

use imgsearch::document::Place;
use imgsearch::duplicates::Duplicates;
use imgsearch::gallery::{Match, Record};

use super::shown_clean;

/// A line of names, and one for each match; paths in quotes. CSV is Unicode, paths need not be: behind
/// one that is not are the bytes of the whole path, two hexadecimal digits each, and nothing behind
/// others. There they open the file, as JSON's field of the same name does. At the end is how many
/// unrelated photos would be expected, if that was asked.
pub fn matches(matches: &[Match], out: &mut dyn Write) -> io::Result<()> {
    let is_told = matches.iter().any(|it| it.expected.is_some());
    let told = if is_told { ",expected" } else { "" };
    writeln!(out, "rank,similarity,path,absolute_hex{told}")?;
    for (rank, found) in (1..).zip(matches) {
        let place = Place::of(&found.record.path);
        let (path, hex) = (path_cell(&found.record.path), place.absolute_hex());
        let hex = hex.unwrap_or_default();
        write!(out, "{rank},{:.6},{path},{hex}", found.similarity)?;
        match found.expected {
            Some(expected) => writeln!(out, ",{expected:.6}")?,
            None if is_told => writeln!(out, ",")?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}

/// A line of names, and one for each photo of each group: the number of the group, `keep` or how alike it
/// is to the kept one, what it is, and its path as in [`matches`].
pub fn duplicates(report: &Duplicates, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "group,what,width,height,bytes,path,absolute_hex")?;
    let mut line = |group: usize, what: &str, record: &Record| {
        let place = Place::of(&record.path);
        let (path, hex) = (path_cell(&record.path), place.absolute_hex());
        let (width, height, size) = (record.width, record.height, record.size);
        let hex = hex.unwrap_or_default();
        writeln!(out, "{group},{what},{width},{height},{size},{path},{hex}")
    };
    for (number, group) in (1..).zip(&report.groups) {
        line(number, "keep", &group.keep.record)?;
        for duplicate in &group.duplicates {
            line(number, duplicate.level.name(), &duplicate.record)?;
        }
    }
    Ok(())
}

/// A path as a cell: without what hides in a line, and never what a spreadsheet would calculate. A
/// path that begins like a formula begins with `./`, and still is the path.
fn path_cell(path: &Path) -> String {
    let text = shown_clean(path).replace('"', "\"\"");
    let before = if is_formula(&text) { "./" } else { "" };
    format!("\"{before}{text}\"")
}

/// Spreadsheets pass over spaces, take the wide forms of the signs for the signs, and a sign at which
/// other text is taken for a formula too.
fn is_formula(text: &str) -> bool {
    const SIGNS: [char; 10] = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '|', '%'];
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{FFFD}' || c == '\'');
    text.starts_with(SIGNS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_begins_as_a_formula_does_and_the_path_still_is_one() {
        for name in [
            "=1+1.jpg",
            "+1.jpg",
            "-x.jpg",
            "@SUM(A1).jpg",
            " =1.jpg",
            "＝1.jpg",
            "－1.jpg",
            "|x.jpg",
        ] {
            assert_eq!(path_cell(Path::new(name)), format!("\"./{name}\""));
        }
        for name in ["a=b.jpg", "photos/=1.jpg", "ä.jpg", "/-x.jpg"] {
            assert_eq!(path_cell(Path::new(name)), format!("\"{name}\""));
        }
        assert_eq!(path_cell(Path::new("\t=1.jpg")), "\"./\u{FFFD}=1.jpg\"");
    }

    #[test]
    fn a_cell_ends_where_its_path_does_and_has_one_line() {
        let cell = path_cell(Path::new(
            "a\"\r\n=1,\u{1b}[31m\u{202e}gpj.\u{9b}x\u{2028}.jpg",
        ));
        let gone = '\u{FFFD}';
        let expected = format!("\"a\"\"{gone}{gone}=1,{gone}[31m{gone}gpj.{gone}x{gone}.jpg\"");
        assert_eq!(cell, expected);
    }
}
