//! Quality by depth as a picture: one line per pooling, with intervals; hybrids at the right.

use std::path::Path;

use imgsearch::descriptor::DescriptorSpec;
use imgsearch::error::FileError;
use imgsearch::eval::{Report, Row};
use imgsearch::replace::replace;

use super::drawing::{Anchor, Colour, Drawing, Mark, Words};

/// Okabe and Ito's colours, which people who see few colours can tell apart.
const COLOURS: [Colour; 7] = [
    [0x00, 0x72, 0xb2],
    [0xd5, 0x5e, 0x00],
    [0x00, 0x9e, 0x73],
    [0xcc, 0x79, 0xa7],
    [0xe6, 0x9f, 0x00],
    [0x56, 0xb4, 0xe9],
    [0x55, 0x55, 0x55],
];
/// Of what is read first.
const BLACK: Colour = [0x11; 3];
/// The radius of a point.
const DOT: f64 = 3.2;
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

/// A picture of the evaluation.
pub fn drawing(report: &Report, title: &str) -> Drawing {
    Chart::new(report, title).draw()
}

/// Writes it as SVG or, by the file's ending, as PNG.
pub fn write(file: &Path, drawing: &Drawing) -> Result<(), FileError> {
    let bytes = if file
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("png"))
    {
        super::raster::png(drawing)
    } else {
        drawing.to_string().into_bytes()
    };
    replace(file, &bytes).map_err(FileError::write_at(file))
}

impl Chart {
    fn new(report: &Report, title: &str) -> Self {
        // Layers of different networks have no axis in common.
        let (singles, hybrids): (Vec<&Row>, Vec<&Row>) = report
            .of_the_best()
            .partition(|row| row.spec.parts.len() == 1);
        let is_tried =
            |layer: &&String| singles.iter().any(|row| row.spec.parts[0].layer == **layer);
        let mut columns: Vec<String> = report.layers.iter().filter(is_tried).cloned().collect();
        let layers = columns.len();
        for row in &hybrids {
            let name = hybrid(&row.spec);
            if !columns.contains(&name) {
                columns.push(name);
            }
        }
        let mut chart = Self {
            title: title.to_owned(),
            metric: report.metric.to_string(),
            columns,
            layers,
            lines: Vec::new(),
            best: None,
            range: (1.0, 0.0),
        };
        singles
            .iter()
            .chain(&hybrids)
            .for_each(|row| chart.add(row));
        for line in &mut chart.lines {
            line.points.sort_by_key(|point| point.column);
        }
        // The order of a legend should not depend on who won.
        chart.lines.sort_by(|a, b| a.pooling.cmp(&b.pooling));
        chart.best = report.specs.first().and_then(|best| {
            let (_, estimate) = best.metrics.first()?;
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

    fn add(&mut self, row: &Row) {
        let (Some(column), Some((_, estimate))) = (self.column(&row.spec), row.metrics.first())
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
        let pooling = pooling(&row.spec);
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

    fn draw(&self) -> Drawing {
        let mut title = Words::new(&self.title, (MARGIN.0, 30.0));
        (title.size, title.colour) = (18.0, BLACK);
        let mut marks = vec![Mark::Words(title)];
        self.scale(&mut marks);
        self.names(&mut marks);
        for (index, line) in self.lines.iter().enumerate() {
            self.line(&mut marks, index, line);
            legend(&mut marks, index, line);
        }
        self.mark_best(&mut marks);
        Drawing {
            width: WIDTH as u32,
            height: HEIGHT as u32,
            marks,
        }
    }

    /// The metric's axis.
    fn scale(&self, marks: &mut Vec<Mark>) {
        let (left, right) = (MARGIN.0, WIDTH - MARGIN.1);
        for tick in ticks(self.range) {
            let y = self.y(tick);
            marks.push(stroke(
                format!("M{left:.1} {y:.1}H{right:.1}"),
                [0xe4; 3],
                1.0,
            ));
            let mut value = Words::new(format!("{tick:.2}"), (left - 8.0, y + 4.5));
            value.anchor = Anchor::End;
            marks.push(Mark::Words(value));
        }
        let middle = f64::midpoint(MARGIN.2, HEIGHT - MARGIN.3);
        let mut metric = Words::new(&self.metric, (18.0, middle));
        (metric.turn, metric.anchor) = (-90.0, Anchor::Middle);
        marks.push(Mark::Words(metric));
    }

    /// The layers' axis: their names, and behind them the hybrids'.
    fn names(&self, marks: &mut Vec<Mark>) {
        let (left, right) = (MARGIN.0, WIDTH - MARGIN.1);
        let (top, bottom) = (MARGIN.2, HEIGHT - MARGIN.3);
        for (column, name) in self.columns.iter().enumerate() {
            let mut name = Words::new(name, (self.x(column), bottom + 16.0));
            (name.turn, name.anchor) = (-35.0, Anchor::End);
            marks.push(Mark::Words(name));
        }
        if self.layers > 0 && self.layers < self.columns.len() {
            let x = f64::midpoint(self.x(self.layers - 1), self.x(self.layers));
            marks.push(Mark::Line {
                path: format!("M{x:.1} {top:.1}V{bottom:.1}"),
                colour: [0x99; 3],
                width: 1.0,
                dashes: Some([3.0, 4.0]),
            });
            let mut hybrids = Words::new("hybrids", (x + 6.0, bottom - 8.0));
            hybrids.colour = [0x77; 3];
            marks.push(Mark::Words(hybrids));
        }
        marks.push(stroke(
            format!("M{left:.1} {bottom:.1}H{right:.1}"),
            [0x55; 3],
            1.0,
        ));
    }

    fn line(&self, marks: &mut Vec<Mark>, index: usize, line: &Line) {
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
            marks.push(Mark::Area {
                outline: format!("M{}Z", band.join("L")),
                colour,
                opacity: 0.13,
            });
            let means = layers.iter().map(|point| place(point, point.mean));
            let means: Vec<String> = means.collect();
            marks.push(stroke(format!("M{}", means.join("L")), colour, 2.2));
        }
        for point in layers {
            marks.push(Mark::Dot {
                centre: (self.x(point.column), self.y(point.mean)),
                radius: DOT,
                colour,
            });
        }
        for point in hybrids {
            let (x, y) = (self.x(point.column) + self.aside(index), self.y(point.mean));
            let (high, low) = (self.y(point.high), self.y(point.low));
            marks.push(stroke(format!("M{x:.1} {high:.1}V{low:.1}"), colour, 1.6));
            marks.push(Mark::Area {
                outline: format!("M{x:.1} {:.1}l5 5l-5 5l-5 -5Z", y - 5.0),
                colour,
                opacity: 1.0,
            });
        }
    }

    /// How far a line's hybrids stand aside: side by side, or their intervals would hide each other.
    fn aside(&self, index: usize) -> f64 {
        (index as f64 - (self.lines.len() as f64 - 1.0) / 2.0) * 12.0
    }

    fn mark_best(&self, marks: &mut Vec<Mark>) {
        let Some((column, mean, pooling)) = &self.best else {
            return;
        };
        let line = self.lines.iter().position(|line| line.pooling == *pooling);
        let is_hybrid = *column >= self.layers;
        let aside = if is_hybrid {
            self.aside(line.unwrap_or(0))
        } else {
            0.0
        };
        marks.push(Mark::Ring {
            centre: (self.x(*column) + aside, self.y(*mean)),
            radius: 8.0,
            colour: BLACK,
            width: 1.4,
        });
        let (layer, metric) = (&self.columns[*column], &self.metric);
        let mut best = Words::new(
            format!("best: {layer} / {pooling}, {metric} {mean:.3}; bands: 95 %"),
            (WIDTH - MARGIN.1, 60.5),
        );
        (best.anchor, best.colour) = (Anchor::End, BLACK);
        marks.push(Mark::Words(best));
    }
}

fn legend(marks: &mut Vec<Mark>, index: usize, line: &Line) {
    let colour = COLOURS[index % COLOURS.len()];
    let x = MARGIN.0 + index as f64 * 96.0;
    marks.push(stroke(format!("M{x:.1} 56h22"), colour, 2.2));
    marks.push(Mark::Dot {
        centre: (x + 11.0, 56.0),
        radius: DOT,
        colour,
    });
    marks.push(Mark::Words(Words::new(&line.pooling, (x + 28.0, 60.5))));
}

fn stroke(path: String, colour: Colour, width: f32) -> Mark {
    Mark::Line {
        path,
        colour,
        width,
        dashes: None,
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
