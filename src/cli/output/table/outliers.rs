//! Photos that may lie in the wrong folder, in lines.

use std::io::{self, Write};

use imgsearch::eval::Outliers;

use super::super::{clean_line, photos, shown_clean};

/// Both kinds, worst first.
pub fn text(report: &Outliers, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "nearer to another folder than to their own, of {} in {} folders:",
        photos(report.photos),
        report.folders
    )?;
    for one in &report.misplaced {
        writeln!(
            out,
            "  {:.3} {:.3}  {}  like {}",
            one.own,
            one.other,
            shown_clean(&one.record.path),
            clean_line(one.folder.path())
        )?;
    }
    if report.misplaced.is_empty() {
        writeln!(out, "  none")?;
    }
    writeln!(out, "like no other:")?;
    for one in &report.alone {
        let path = shown_clean(&one.record.path);
        writeln!(out, "  {:.3}        {path}", one.nearest)?;
    }
    Ok(())
}
