//! What is in a file of weights, as text.

use std::io::{self, Write};

use imgsearch::model::fitting::{Contents, Fitting};

use crate::cli::output::clean_line;

/// What it is, which networks it fits, what wraps them, and a line for each tensor.
pub fn contents(contents: &Contents, out: &mut dyn Write) -> io::Result<()> {
    let path = clean_line(&contents.path);
    writeln!(
        out,
        "{path}: {}, {} tensors",
        contents.format,
        contents.tensors.len()
    )?;
    for group in &contents.groups {
        let key = match group.key.as_str() {
            "" => "no key".to_owned(),
            key => format!("`{}`", clean_line(key)),
        };
        writeln!(out, "under {key}: {} tensors", group.tensors)?;
    }
    if !contents.beside.is_empty() {
        writeln!(
            out,
            "beside them: {}",
            clean_line(&contents.beside.join(", "))
        )?;
    }
    if contents.networks.is_empty() {
        writeln!(out, "\nno known network fits")?;
    } else {
        writeln!(out, "\nnetworks that fit, best first:")?;
    }
    for fitting in &contents.networks {
        network(fitting, out)?;
    }
    writeln!(out, "\n{:<14} {:>18}  tensor", "type", "shape")?;
    for tensor in &contents.tensors {
        let sides: Vec<String> = tensor.shape.iter().map(ToString::to_string).collect();
        let (shape, name) = (sides.join("×"), clean_line(&tensor.name));
        writeln!(out, "{:<14} {shape:>18}  {name}", tensor.numbers)?;
    }
    Ok(())
}

fn network(fitting: &Fitting, out: &mut dyn Write) -> io::Result<()> {
    let Fitting {
        architecture,
        fits,
        wanted,
        ..
    } = fitting;
    let all = if fitting.lacking.is_empty() {
        "fits"
    } else {
        "does not fit"
    };
    let classes = match fitting.classes {
        Some(classes) => format!("{classes} classes"),
        None => "no classifier".to_owned(),
    };
    writeln!(
        out,
        "  {architecture:<20} {all}: {fits} of {wanted} tensors, {classes}"
    )?;
    if !fitting.prefix.is_empty() {
        writeln!(out, "    behind `{}`", clean_line(&fitting.prefix))?;
    }
    if !fitting.others.is_empty() {
        let others = clean_line(&fitting.others.join(", "));
        writeln!(out, "    would fit as well: {others}")?;
    }
    if !fitting.lacking.is_empty() {
        writeln!(out, "    lacks {}", clean_line(&fitting.lacking.join(", ")))?;
    }
    for head in &fitting.heads {
        let (name, layer) = (clean_line(&head.name), head.kind);
        let (inputs, outputs) = (head.inputs, head.outputs);
        writeln!(
            out,
            "    {layer} {inputs}→{outputs}: --projection-from {name}"
        )?;
    }
    for exponent in &fitting.exponents {
        let (name, p) = (clean_line(&exponent.name), exponent.p);
        writeln!(out, "    {name} is {p}: as GeM's exponent gem={name}")?;
    }
    for warning in &fitting.warnings {
        writeln!(out, "    beware: {warning}")?;
    }
    Ok(())
}
