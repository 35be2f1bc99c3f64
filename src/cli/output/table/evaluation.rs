//! What an evaluation found, as a table.

use std::io::{self, Write};

use imgsearch::eval::bootstrap::Estimate;
use imgsearch::eval::metrics::Metric;
use imgsearch::eval::{Rankings, Report, Row};
use imgsearch::ranking::Ranking;

/// The table, the best spec first, what its marks mean, what else was measured, and the command that
/// indexes with the best.
pub fn table(report: &Report, advice: &str, out: &mut dyn Write) -> io::Result<()> {
    let Report {
        photos,
        queries,
        groups,
        metric,
        ..
    } = report;
    let models = models(report);
    writeln!(
        out,
        "{models}: {queries} queries, {photos} photos, {groups} groups\n"
    )?;
    specs_table(report, out)?;
    writeln!(
        out,
        "\n* best by {metric}; = not worse beyond noise (95 % interval of the difference, bootstrap \
         over queries)"
    )?;
    if !report.variants.is_empty() {
        writeln!(out, "\nthe best spec with")?;
    }
    for variant in &report.variants {
        let Estimate { mean, low, high } = variant.gain;
        let quality = variant
            .metrics
            .first()
            .map_or(0.0, |(_, interval)| interval.mean);
        let name = &variant.name;
        writeln!(
            out,
            "  {name:<20}  {metric} {quality:.4}, gain {mean:.4} [{low:.4}, {high:.4}]"
        )?;
    }
    if !report.rankings.rows.is_empty() {
        rankings_table(report, out)?;
    }
    if !report.index.is_empty() {
        index_table(report, out)?;
    }
    writeln!(out, "index with it: {advice}")
}

/// The networks compared, in the order of the best spec of each.
fn models(report: &Report) -> String {
    let mut names: Vec<&str> = vec![&report.model];
    for row in &report.specs {
        if !names.contains(&&*row.spec.model) {
            names.push(&row.spec.model);
        }
    }
    names.join(", ")
}

fn specs_table(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let names: Vec<String> = report.specs.iter().map(|row| name(row, report)).collect();
    let lengths = names.iter().map(|name| name.chars().count());
    let width = lengths.max().unwrap_or(0).max(4);
    let decisive = format!("{} [95 %]", report.metric);
    write!(
        out,
        "  {:width$}  {:>5}  {:>6}  {decisive:<21}",
        "spec", "dim", "MMAC"
    )?;
    let first = report.specs.first();
    let columns = first
        .and_then(|row| row.metrics.get(1..))
        .unwrap_or_default();
    for (name, _) in columns {
        write!(out, "  {:>7}", short(*name))?;
    }
    writeln!(out)?;
    for (row, name) in report.specs.iter().zip(&names) {
        let (cost, dimension) = (row.multiply_adds / 1_000_000, row.dimension);
        write!(
            out,
            "{} {name:width$}  {dimension:>5}  {cost:>6}",
            mark(row)
        )?;
        if let Some((_, Estimate { mean, low, high })) = row.metrics.first() {
            write!(out, "  {mean:.4} [{low:.3}, {high:.3}]")?;
        }
        for (_, interval) in row.metrics.iter().skip(1) {
            write!(out, "  {:>7.4}", interval.mean)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Rankings against none, and which is to be taken.
fn rankings_table(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Rankings { queries, rows } = &report.rankings;
    writeln!(out, "\nthe best spec, ranked by ({queries} queries)")?;
    let names: Vec<String> = rows.iter().map(|row| row.ranking.to_string()).collect();
    let width = names.iter().map(String::len).max().unwrap_or(0);
    for (row, name) in rows.iter().zip(&names) {
        let mark = if row.is_advised { '*' } else { ' ' };
        let quality = row.metrics.first().map_or(0.0, |(_, one)| one.mean);
        write!(out, "{mark} {name:width$}  {} {quality:.4}", report.metric)?;
        if row.ranking == Ranking::NONE {
            writeln!(out)?;
            continue;
        }
        let Estimate { mean, low, high } = row.gain;
        let first = row.change.first;
        write!(
            out,
            ", gain {mean:+.4} [{low:+.4}, {high:+.4}], recall@1 {first:+.4}"
        )?;
        match &row.why_not {
            Some(why) => writeln!(out, "; not better by the rule: {why}")?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}

fn index_table(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "\nthe index beside the exact ranking, the best spec, one thread:"
    )?;
    writeln!(
        out,
        "  {:>9}  {:>9}  {:>9}",
        "ef_search", "recall@10", "queries/s"
    )?;
    for row in &report.index {
        let ef_search = row
            .ef_search
            .map_or("exact".to_owned(), |ef| ef.to_string());
        let (recall, speed) = (row.recall, row.queries_per_second);
        writeln!(out, "  {ef_search:>9}  {recall:>9.4}  {speed:>9.0}")?;
    }
    Ok(())
}

/// A metric's name as a column has room for it.
fn short(metric: Metric) -> String {
    let name = metric.to_string();
    name.replace("recall", "R")
        .replace("precision@", "P@")
        .replace("R-precision", "R-prec")
        .replace("mAP-oxford", "mAP-ox")
}

const fn mark(row: &Row) -> char {
    match (row.is_best, row.is_as_good) {
        (true, _) => '*',
        (false, true) => '=',
        (false, false) => ' ',
    }
}

/// The spec as it is shown: without what all have in common, the network or the preprocessing.
fn name(row: &Row, report: &Report) -> String {
    let spec = row.spec.to_string();
    let others = report.specs.iter().filter(|other| !other.is_beside(row));
    let (mut has_others, mut is_prepared_otherwise) = (false, false);
    for other in others {
        has_others = true;
        is_prepared_otherwise |= other.spec.model == row.spec.model;
    }
    match (has_others, spec.split_once(':')) {
        (false, Some((_, parts))) => parts.to_owned(),
        _ if is_prepared_otherwise => format!("{spec}@{}", row.preprocess),
        _ => spec,
    }
}
