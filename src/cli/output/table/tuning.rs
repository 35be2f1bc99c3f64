//! What a tuning found, as text.

use std::io::{self, Write};

use imgsearch::eval::bootstrap::Estimate;
use imgsearch::eval::tune::{Beginning, Fold, Half, HeldOut, Split, TuneStep, Tuned};
use imgsearch::photo::Preprocess;

/// A step in a line, with why it was dropped if it was.
pub fn step(step: &TuneStep) -> String {
    let gain = match step.what {
        "default" => " ".repeat(9),
        _ => format!("({:+.4})", step.change.gain),
    };
    let dropped = step.dropped.as_ref();
    let dropped = dropped.map(|why| format!("; not taken: {why}"));
    let projection = step.projection.map(|fit| format!(", {fit}"));
    format!(
        "{:.4} {gain}  {:<25}  {} at {}{}, ranked by {}{}",
        step.mean,
        step.what,
        step.spec,
        size(&step.preprocess),
        projection.unwrap_or_default(),
        step.ranking,
        dropped.unwrap_or_default()
    )
}

fn size(preprocess: &Preprocess) -> String {
    let keys = preprocess.to_string();
    let is_size = |key: &&str| key.starts_with("resize=") || key.starts_with("crop=");
    keys.split(',')
        .filter(is_size)
        .collect::<Vec<_>>()
        .join(",")
}

/// The steps, and what they are worth on other groups; nothing of a tuning that was stopped before it knew.
pub fn text(tuned: &Tuned, out: &mut dyn Write) -> io::Result<()> {
    let Some(held_out) = &tuned.held_out else {
        return Ok(());
    };
    let Half { queries, photos } = tuned.searched;
    writeln!(
        out,
        "searched on {queries} queries among {photos} photos: {} combinations",
        tuned.tried
    )?;
    for one in &tuned.path {
        writeln!(out, "  {}", step(one))?;
    }
    let (metric, folds) = (tuned.metric, held_out.folds.len());
    writeln!(
        out,
        "\n{}, measured on {} that it did not look at ({folds} folds, {} queries):",
        measured(held_out),
        match tuned.split {
            Split::Groups => "groups",
            Split::Photos => "photos",
        },
        held_out.half.queries
    )?;
    writeln!(out, "  default   {metric} {}", interval(&held_out.default))?;
    writeln!(out, "  tuned     {metric} {}", interval(&held_out.tuned))?;
    writeln!(out, "  gain      {metric} {}", interval(&held_out.gain))?;
    let change = held_out.change;
    writeln!(out, "  recall@1  {:+.4}", change.first)?;
    writeln!(
        out,
        "  worst     {metric} {:+.4} in a fold; better in {} of {} groups, not worse in {}",
        held_out.worst, change.groups_better, change.groups, change.groups_not_worse
    )?;
    if let Some(worst) = worst_fold(&held_out.folds) {
        writeln!(
            out,
            "            there {:.4} became {:.4}, recall@1 {:.4} became {:.4}",
            worst.default, worst.tuned, worst.default_first, worst.tuned_first
        )?;
    }
    longer(held_out, out)?;
    if tuned.is_better() {
        writeln!(
            out,
            "\nspec: {}\npreprocess: {}\nranking: {}",
            tuned.spec, tuned.preprocess, tuned.ranking
        )?;
        return match tuned.projection {
            Some(fit) => writeln!(out, "projection: {fit}, fitted on all groups"),
            None => Ok(()),
        };
    }
    let found_nothing = "all groups together found nothing".to_owned();
    let why = held_out.why_not.as_ref().unwrap_or(&found_nothing);
    writeln!(
        out,
        "\nnothing is better by the rule ({why}): keep {}\n(more labelled groups would make \
         smaller gains certain)",
        tuned.spec
    )
}

/// Which search the figures are of.
fn measured(held_out: &HeldOut) -> String {
    if held_out.is_better && held_out.searches.len() > 1 {
        format!("the same search up to its step `{}`", held_out.until)
    } else {
        "the same search".to_owned()
    }
}

/// The searches that did not hold beside the one that is told of: one was chosen among them.
fn longer(held_out: &HeldOut, out: &mut dyn Write) -> io::Result<()> {
    let searches = held_out.searches.iter();
    let others = searches.filter(|one| one.until != held_out.until);
    for Beginning {
        until,
        why_not,
        change,
        ..
    } in others
    {
        let why = why_not.as_deref().unwrap_or_default();
        writeln!(
            out,
            "  up to its step `{until}` it gains {:+.4}, and does not hold: {why}",
            change.gain
        )?;
    }
    let count = held_out.searches.len();
    if held_out.is_better && count > 1 {
        writeln!(
            out,
            "  (chosen on these groups: the first of {count} that holds)"
        )?;
    }
    Ok(())
}

fn worst_fold(folds: &[Fold]) -> Option<&Fold> {
    folds
        .iter()
        .min_by(|a, b| a.change.gain.total_cmp(&b.change.gain))
}

fn interval(estimate: &Estimate) -> String {
    format!(
        "{:.4} [{:.4}, {:.4}]",
        estimate.mean, estimate.low, estimate.high
    )
}
