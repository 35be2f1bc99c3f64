//! What a gallery holds, as text.

use std::io::{self, Write};

use imgsearch::gallery::GalleryInfo;
use imgsearch::ranking::Expansion;
use indicatif::HumanBytes;

use super::super::clean_line;
use super::photos;

/// A line for each fact.
pub fn text(info: &GalleryInfo, out: &mut dyn Write) -> io::Result<()> {
    let search = match info.graph_points {
        0 => "exact".to_owned(),
        points => format!("graph of {points}, the rest exact"),
    };
    let made = &info.provenance;
    writeln!(out, "gallery        {}", clean_line(&info.gallery))?;
    writeln!(
        out,
        "photos         {} ({} different)",
        info.photos, info.vectors
    )?;
    let spec = made.spec().to_string();
    writeln!(out, "spec           {}", clean_line(&spec))?;
    writeln!(out, "preprocessing  {}", made.recipe().preprocess)?;
    writeln!(out, "weights        {}", clean_line(made.weights()))?;
    if !info.precisions.is_empty() {
        writeln!(out, "precision      {}", info.precisions)?;
    }
    if info.values == made.dimension() {
        writeln!(out, "dimension      {}", info.values)?;
    } else {
        let whole = made.dimension();
        writeln!(
            out,
            "dimension      {} along the gallery's own axes, of {whole}",
            info.values
        )?;
    }
    if let Some(whitening) = &info.whitening {
        writeln!(
            out,
            "whitening      {} → {} values, shrinkage {}, fitted on {}",
            whitening.input_dimension,
            whitening.dimension,
            whitening.origin.shrinkage,
            photos(whitening.origin.photos)
        )?;
    }
    if let Some(Expansion { neighbors, alpha }) = info.augmentation {
        writeln!(out, "augmentation   {neighbors} neighbours, alpha {alpha}")?;
    }
    if let Some(Expansion { neighbors, alpha }) = info.ranking.expand {
        writeln!(out, "expansion      {neighbors} neighbours, alpha {alpha}")?;
    }
    writeln!(out, "search         {search}")?;
    writeln!(
        out,
        "on disk        {} store, {} snapshot",
        HumanBytes(info.store_bytes),
        HumanBytes(info.snapshot_bytes)
    )
}
