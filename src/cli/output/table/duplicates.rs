//! Duplicates in lines: each group with what is kept, why, and what could go.

use std::io::{self, Write};

use imgsearch::duplicates::{Against, Duplicate, Duplicates, Level, Similar};
use imgsearch::gallery::Record;
use indicatif::DecimalBytes;

use super::super::difference::difference;
use super::super::{clean, photos, shown_clean};

/// All groups, and a line of what they are in all.
pub fn duplicates(report: &Duplicates, out: &mut dyn Write) -> io::Result<()> {
    for group in &report.groups {
        let kept = &group.keep;
        let (size, path) = (size(&kept.record), shown_clean(&kept.record.path));
        writeln!(out, "keep   {size}  {path}  ({})", kept.reason)?;
        for duplicate in &group.duplicates {
            let (size, path) = (
                self::size(&duplicate.record),
                shown_clean(&duplicate.record.path),
            );
            writeln!(
                out,
                "  {:<4} {size}  {path}  {}",
                level(duplicate),
                difference(duplicate)
            )?;
        }
    }
    let groups = match report.groups.len() {
        1 => "1 group".to_owned(),
        count => format!("{count} groups"),
    };
    writeln!(
        out,
        "{groups}, {} of {} could go: {}",
        report.duplicates,
        photos(report.photos),
        DecimalBytes(report.freed)
    )
}

/// `4000 × 3000   2.10 MB`, in columns.
fn size(record: &Record) -> String {
    let pixels = format!("{}×{}", record.width, record.height);
    format!("{pixels:>11} {:>10}", DecimalBytes(record.size).to_string())
}

const fn level(duplicate: &Duplicate) -> &'static str {
    match duplicate.level {
        Level::Bytes | Level::Pixels => "same",
        Level::Near => "near",
    }
}

/// Photos that look alike.
pub fn similar(report: &Similar, out: &mut dyn Write) -> io::Result<()> {
    for group in &report.groups {
        writeln!(out, "        {}", shown_clean(&group.first.path))?;
        for other in &group.others {
            let path = shown_clean(&other.record.path);
            writeln!(out, "  {:.3} {path}", other.similarity)?;
        }
    }
    let groups = report.groups.len();
    let alike = report.groups.iter().map(|it| it.others.len() + 1).sum();
    writeln!(
        out,
        "{groups} scenes of {}, of {} looked at",
        photos(alike),
        photos(report.photos)
    )
}

/// New photos with what the gallery has of them, or those alone that it has not.
pub fn against(report: &Against, missing: bool, out: &mut dyn Write) -> io::Result<()> {
    for new in &report.photos {
        let path = shown_clean(&new.path);
        match &new.known {
            None if missing => writeln!(out, "{path}")?,
            None => writeln!(out, "new    {path}")?,
            Some(_) if missing => {}
            Some(known) => {
                let name = clean(known.level.name());
                let known = shown_clean(&known.record.path);
                writeln!(out, "{name:<6} {path}  is  {known}")?;
            }
        }
    }
    if missing {
        return Ok(());
    }
    writeln!(
        out,
        "{} known already, {} new",
        photos(report.known),
        report.missing
    )
}
