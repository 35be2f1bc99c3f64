//! Quality by depth as a picture: one line per pooling, with intervals; hybrids at the right.

use std::fmt::Write as _;
use std::path::Path;

use imgsearch::descriptor::DescriptorSpec;
use imgsearch::error::FileError;
use imgsearch::eval::trial::{Evaluation, Trial};

use super::html::escape;

/// Okabe and Ito's colours, which people who see few colours can tell apart.
const COLOURS: [&str; 7] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555",
];
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 520.0;
/// Left, right, top, bottom.
const MARGIN: (f64, f64, f64, f64) = (64.0, 24.0, 84.0, 96.0);

/// A point of a line: where along the axis, and the interval.
struct Point {
    column: usize,
    mean: f64,
    low: f64,
    high: f64,
}

struct Line {
    pooling: String,
    points: Vec<Point>,
}

/// What is drawn.
struct Chart {
    title: String,
    metric: String,
    columns: Vec<String>,
    /// How many of the columns are layers; the others are hybrids.
    layers: usize,
    lines: Vec<Line>,
    best: Option<(usize, f64, String)>,
    range: (f64, f64),
}

/// An SVG document of the evaluation; `layers` are the network's, shallow to deep.
pub fn svg(evaluation: &Evaluation, layers: &[String], title: &str) -> String {
    Chart::new(evaluation, layers, title).draw()
}

/// Writes it as SVG or, by the file's ending, as PNG.
pub fn write(file: &Path, svg: &str) -> Result<(), FileError> {
    let bytes = if file
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("png"))
    {
        super::raster::png(svg)
    } else {
        svg.as_bytes().to_vec()
    };
    std::fs::write(file, bytes).map_err(FileError::write_at(file))
}

impl Chart {
    fn new(evaluation: &Evaluation, layers: &[String], title: &str) -> Self {
        let (singles, hybrids): (Vec<&Trial>, Vec<&Trial>) = evaluation
            .trials
            .iter()
            .partition(|trial| trial.spec.parts.len() == 1);
        let is_tried = |layer: &&String| {
            singles
                .iter()
                .any(|trial| trial.spec.parts[0].layer == **layer)
        };
        let mut columns: Vec<String> = layers.iter().filter(is_tried).cloned().collect();
        let layers = columns.len();
        for trial in &hybrids {
            let name = hybrid(&trial.spec);
            if !columns.contains(&name) {
                columns.push(name);
            }
        }
        let mut chart = Self {
            title: title.to_owned(),
            metric: evaluation
                .metrics
                .first()
                .map(ToString::to_string)
                .unwrap_or_default(),
            columns,
            layers,
            lines: Vec::new(),
            best: None,
            range: (1.0, 0.0),
        };
        singles
            .iter()
            .chain(&hybrids)
            .for_each(|trial| chart.add(trial));
        for line in &mut chart.lines {
            line.points.sort_by_key(|point| point.column);
        }
        // The order of a legend should not depend on who won.
        chart.lines.sort_by(|a, b| a.pooling.cmp(&b.pooling));
        chart.best = evaluation.trials.first().and_then(|best| {
            let estimate = best.estimates.first()?;
            Some((
                chart.column(&best.spec)?,
                estimate.mean,
                pooling(&best.spec),
            ))
        });
        let (low, high) = chart.range;
        let room = ((high - low) * 0.06).max(0.005);
        chart.range = ((low - room).max(0.0), high + room);
        chart
    }

    fn column(&self, spec: &DescriptorSpec) -> Option<usize> {
        let name = hybrid(spec);
        self.columns.iter().position(|column| *column == name)
    }

    fn add(&mut self, trial: &Trial) {
        let (Some(column), Some(estimate)) = (self.column(&trial.spec), trial.estimates.first())
        else {
            return;
        };
        self.range = (
            self.range.0.min(estimate.low),
            self.range.1.max(estimate.high),
        );
        let point = Point {
            column,
            mean: estimate.mean,
            low: estimate.low,
            high: estimate.high,
        };
        let pooling = pooling(&trial.spec);
        match self.lines.iter_mut().find(|line| line.pooling == pooling) {
            Some(line) => line.points.push(point),
            None => self.lines.push(Line {
                pooling,
                points: vec![point],
            }),
        }
    }

    fn x(&self, column: usize) -> f64 {
        let room = WIDTH - MARGIN.0 - MARGIN.1;
        MARGIN.0 + room * (column as f64 + 0.5) / self.columns.len().max(1) as f64
    }

    fn y(&self, value: f64) -> f64 {
        let room = HEIGHT - MARGIN.2 - MARGIN.3;
        let (low, high) = self.range;
        MARGIN.2 + room * (high - value) / (high - low)
    }

    fn draw(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             width=\"{WIDTH}\" height=\"{HEIGHT}\" font-family=\"Ubuntu, 'Segoe UI', system-ui, \
             sans-serif\" font-size=\"13\" fill=\"#333\">\n<rect width=\"100%\" height=\"100%\" \
             fill=\"#fff\"/>\n"
        );
        let title = escape(&self.title);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"30\" font-size=\"18\" fill=\"#111\">{title}</text>",
            MARGIN.0
        );
        self.axes(&mut svg);
        for (index, line) in self.lines.iter().enumerate() {
            self.line(&mut svg, index, line);
        }
        self.mark_best(&mut svg);
        svg.push_str("</svg>\n");
        svg
    }

    fn axes(&self, svg: &mut String) {
        let (left, right) = (MARGIN.0, WIDTH - MARGIN.1);
        let bottom = HEIGHT - MARGIN.3;
        for tick in ticks(self.range) {
            let y = self.y(tick);
            let _ = writeln!(
                svg,
                "<path d=\"M{left:.1} {y:.1}H{right:.1}\" stroke=\"#e4e4e4\"/><text x=\"{:.1}\" \
                 y=\"{:.1}\" text-anchor=\"end\">{tick:.2}</text>",
                left - 8.0,
                y + 4.5
            );
        }
        for (column, name) in self.columns.iter().enumerate() {
            let (x, y) = (self.x(column), bottom + 16.0);
            let name = escape(name);
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"end\" transform=\"rotate(-35 {x:.1} \
                 {y:.1})\">{name}</text>"
            );
        }
        if self.layers > 0 && self.layers < self.columns.len() {
            let x = f64::midpoint(self.x(self.layers - 1), self.x(self.layers));
            let _ = writeln!(
                svg,
                "<path d=\"M{x:.1} {:.1}V{bottom:.1}\" stroke=\"#999\" stroke-dasharray=\"3 4\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#777\">hybrids</text>",
                MARGIN.2,
                x + 6.0,
                bottom - 8.0
            );
        }
        let _ = writeln!(
            svg,
            "<path d=\"M{left:.1} {bottom:.1}H{right:.1}\" stroke=\"#555\"/><text x=\"18\" y=\"{:.1}\" \
             transform=\"rotate(-90 18 {:.1})\" text-anchor=\"middle\">{}</text>",
            f64::midpoint(MARGIN.2, bottom),
            f64::midpoint(MARGIN.2, bottom),
            escape(&self.metric)
        );
    }

    fn line(&self, svg: &mut String, index: usize, line: &Line) {
        let colour = COLOURS[index % COLOURS.len()];
        let (layers, hybrids) = line.points.split_at(
            line.points
                .partition_point(|point| point.column < self.layers),
        );
        let place =
            |point: &Point, value: f64| format!("{:.1} {:.1}", self.x(point.column), self.y(value));
        if layers.len() > 1 {
            let up = layers.iter().map(|point| place(point, point.high));
            let down = layers.iter().rev().map(|point| place(point, point.low));
            let band: Vec<String> = up.chain(down).collect();
            let means: Vec<String> = layers
                .iter()
                .map(|point| place(point, point.mean))
                .collect();
            let _ = writeln!(
                svg,
                "<path d=\"M{}Z\" fill=\"{colour}\" fill-opacity=\"0.13\"/>\
                 <path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.2\" \
                 stroke-linejoin=\"round\"/>",
                band.join("L"),
                means.join("L")
            );
        }
        for point in layers {
            let (x, y) = (self.x(point.column), self.y(point.mean));
            let _ = writeln!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.2\" fill=\"{colour}\"/>"
            );
        }
        // Side by side, or their intervals would hide each other.
        let aside = (index as f64 - (self.lines.len() as f64 - 1.0) / 2.0) * 12.0;
        for point in hybrids {
            let (x, y) = (self.x(point.column) + aside, self.y(point.mean));
            let _ = writeln!(
                svg,
                "<path d=\"M{x:.1} {:.1}V{:.1}\" stroke=\"{colour}\" stroke-width=\"1.6\"/>\
                 <path d=\"M{x:.1} {:.1}l5 5l-5 5l-5 -5Z\" fill=\"{colour}\"/>",
                self.y(point.high),
                self.y(point.low),
                y - 5.0
            );
        }
        let x = MARGIN.0 + index as f64 * 96.0;
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} 56h22\" stroke=\"{colour}\" stroke-width=\"2.2\"/><circle cx=\"{:.1}\" \
             cy=\"56\" r=\"3.2\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"60.5\">{}</text>",
            x + 11.0,
            x + 28.0,
            escape(&line.pooling)
        );
    }

    fn mark_best(&self, svg: &mut String) {
        let Some((column, mean, pooling)) = &self.best else {
            return;
        };
        let index = self
            .lines
            .iter()
            .position(|line| line.pooling == *pooling)
            .unwrap_or(0);
        let is_hybrid = *column >= self.layers;
        let aside = (index as f64 - (self.lines.len() as f64 - 1.0) / 2.0) * 12.0;
        let x = self.x(*column) + if is_hybrid { aside } else { 0.0 };
        let y = self.y(*mean);
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"8\" fill=\"none\" stroke=\"#111\" \
             stroke-width=\"1.4\"/><text x=\"{:.1}\" y=\"60.5\" text-anchor=\"end\" fill=\"#111\">best: \
             {} / {}, {} {mean:.3}; bands: 95 %</text>",
            WIDTH - MARGIN.1,
            escape(&self.columns[*column]),
            escape(pooling),
            escape(&self.metric)
        );
    }
}

/// The layers of a spec: `a+b`.
fn hybrid(spec: &DescriptorSpec) -> String {
    spec.layers().join("+")
}

/// The pooling of a spec's parts, or all of them where they differ.
fn pooling(spec: &DescriptorSpec) -> String {
    let mut names: Vec<String> = spec
        .parts
        .iter()
        .map(|part| part.pooling.to_string())
        .collect();
    names.dedup();
    names.join("+")
}

/// Round values within the range, 4 to 10 of them.
fn ticks((low, high): (f64, f64)) -> Vec<f64> {
    let steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0];
    let step = steps
        .into_iter()
        .find(|step| (high - low) / step <= 9.0)
        .unwrap_or(1.0);
    let first = (low / step).ceil() as i64;
    let ticks = (first..).map(|tick| tick as f64 * step);
    ticks.take_while(|tick| *tick <= high).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        let ticks = ticks((0.213, 0.784));
        assert_eq!(ticks.len(), 5);
        assert!(
            (ticks[0] - 0.3).abs() < 1e-9 && (ticks[4] - 0.7).abs() < 1e-9,
            "{ticks:?}"
        );
    }
}
