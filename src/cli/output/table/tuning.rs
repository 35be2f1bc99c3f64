//! What a tuning found, as text.

use std::io::{self, Write};

use imgsearch::eval::bootstrap::Estimate;
use imgsearch::eval::tune::{Half, TuneStep, Tuned};

/// Spec, size and whitening of a step in a line.
pub fn one_line(step: &TuneStep) -> String {
    let keys = step.preprocess.to_string();
    let size: Vec<&str> = keys
        .split(',')
        .filter(|key| key.starts_with("resize=") || key.starts_with("crop="))
        .collect();
    let whitened = step.whitened.map(|keep| format!(", whitened to {keep}"));
    format!(
        "{} at {}{}",
        step.spec,
        size.join(","),
        whitened.unwrap_or_default()
    )
}

/// The path of improvements, and what it is worth on the other half; nothing of a tuning that was
/// stopped before it knew.
pub fn text(tuned: &Tuned, out: &mut dyn Write) -> io::Result<()> {
    let Some(held_out) = &tuned.held_out else {
        return Ok(());
    };
    let Half { queries, photos } = tuned.searched;
    let Half {
        queries: other_queries,
        photos: other_photos,
    } = held_out.half;
    writeln!(
        out,
        "searched on {queries} queries among {photos} photos: {} combinations",
        tuned.tried
    )?;
    for step in &tuned.path {
        let gain = match step.what {
            "default" => " ".repeat(9),
            _ => format!("(+{:.4})", step.gain.mean),
        };
        writeln!(
            out,
            "  {:.4} {gain}  {:<19}  {}",
            step.mean,
            step.what,
            one_line(step)
        )?;
    }
    let metric = tuned.metric;
    writeln!(
        out,
        "\nmeasured on {other_queries} queries of other groups among {other_photos} photos:"
    )?;
    writeln!(out, "  default  {metric} {}", interval(&held_out.default))?;
    writeln!(out, "  tuned    {metric} {}", interval(&held_out.tuned))?;
    writeln!(out, "  gain     {metric} {}", interval(&held_out.gain))?;
    let (better, groups) = (held_out.groups_better, held_out.groups);
    writeln!(out, "  better in {better} of {groups} groups")?;
    if held_out.is_better {
        writeln!(
            out,
            "\nspec: {}\npreprocess: {}",
            tuned.spec, tuned.preprocess
        )
    } else {
        writeln!(
            out,
            "\nnothing beats the default beyond noise: keep {}\n(more labelled groups would make \
             smaller gains certain)",
            tuned.spec
        )
    }
}

fn interval(estimate: &Estimate) -> String {
    format!(
        "{:.4} [{:.4}, {:.4}]",
        estimate.mean, estimate.low, estimate.high
    )
}
