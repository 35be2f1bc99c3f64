//! What the known networks cost and give, as text.

use std::io::{self, Write};

use imgsearch::model::{LayerCosts, Model, ModelCost};

/// A line for each model.
pub fn list(models: &[ModelCost], out: &mut dyn Write) -> io::Result<()> {
    let lengths = models.iter().map(|model| model.name.len());
    let of_names = lengths.max().unwrap_or(0).max(20);
    writeln!(
        out,
        "{:<of_names$} {:>6} {:>8} {:>8} {:>5} {:>9}  {:<12}  default layer",
        "model", "top-1", "params", "madds", "gap", "input", "licence"
    )?;
    for model in models {
        let params = millions(model.parameters as u64);
        let (madds, dimension) = (billions(model.multiply_adds), model.gap_dimension);
        let [_, height, width] = model.input;
        let input = format!("{height}×{width}");
        let top1 = model
            .top1
            .map_or_else(|| "–".to_owned(), |top1| format!("{top1:.1}%"));
        let ModelCost {
            name,
            licence,
            default_layer,
            ..
        } = model;
        writeln!(
            out,
            "{name:<of_names$} {top1:>6} {params:>8} {madds:>8} {dimension:>5} {input:>9}  \
             {licence:<12}  {default_layer}"
        )?;
    }
    Ok(())
}

/// Where a model is from, and a line for each of its layers.
pub fn layers(model: &Model, costs: &LayerCosts, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}: {}; {}", model.name, model.citation, model.licence)?;
    writeln!(out, "preprocessing: {}", model.preprocess)?;
    let rows = &costs.layers;
    let width = rows.iter().map(|row| row.layer.len()).max().unwrap_or(0);
    writeln!(
        out,
        "\n{:<width$} {:>14} {:>5} {:>9} {:>12}  aliases",
        "layer", "shape", "gap", "params", "Σ madds"
    )?;
    for row in rows {
        let [channels, rows, columns] = row.shape;
        let shape = format!("{channels}×{rows}×{columns}");
        let (name, parameters) = (&row.layer, row.parameters);
        let madds = millions(row.cumulative_multiply_adds);
        let aliases = row.aliases.join(", ");
        writeln!(
            out,
            "{name:<width$} {shape:>14} {channels:>5} {parameters:>9} {madds:>12}  {aliases}"
        )?;
    }
    Ok(())
}

fn billions(number: u64) -> String {
    format!("{:.2} G", number as f64 / 1e9)
}

fn millions(number: u64) -> String {
    format!("{:.1} M", number as f64 / 1e6)
}
