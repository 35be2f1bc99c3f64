//! A bar on a terminal: one line that fits, with whole numbers and an end that does not jump. Nothing
//! elsewhere, and nothing where silence was asked for.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::style::ProgressTracker;
use indicatif::{DecimalBytes, HumanCount, ProgressBar, ProgressState, ProgressStyle};
use terminal_size::{Width, terminal_size_of};

use super::tell;

/// What a bar counts.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// `1,200/31,800 photos`.
    Things(&'static str),
    /// `8.20 MB/18.40 MB`.
    Bytes,
    /// `rebuilding the snapshot 40 %`.
    Share(&'static str),
}

/// It is there as long as this is.
pub struct Bar {
    bar: ProgressBar,
    beside: Arc<Mutex<Vec<String>>>,
}

impl Bar {
    /// One of so many; without an end where nobody knows how many.
    pub fn new(unit: Unit, total: Option<u64>) -> Self {
        let beside = Arc::default();
        if !tell::has_notes() {
            let bar = ProgressBar::hidden();
            return Self { bar, beside };
        }
        let line = Line {
            unit,
            pace: Pace::default(),
            beside: Arc::clone(&beside),
        };
        let style = ProgressStyle::with_template("{line}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
        bar.set_style(style.with_key("line", line));
        bar.enable_steady_tick(Duration::from_millis(200));
        tell::stand_above(Some(bar.clone()));
        Self { bar, beside }
    }

    /// So many more are done.
    pub fn advance(&self, by: u64) {
        self.bar.inc(by);
    }

    /// So many are done, of so many.
    pub fn set(&self, done: u64, total: Option<u64>) {
        if let Some(total) = total {
            self.bar.set_length(total);
        }
        self.bar.set_position(done);
    }

    /// What else stands there, as far as there is room.
    pub fn beside(&self, words: Vec<String>) {
        *self.beside.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        tell::stand_above(None);
        self.bar.finish_and_clear();
    }
}

/// What is written in place of a template, which would wrap where it does not fit.
#[derive(Clone)]
struct Line {
    unit: Unit,
    pace: Pace,
    beside: Arc<Mutex<Vec<String>>>,
}

impl ProgressTracker for Line {
    fn clone_box(&self) -> Box<dyn ProgressTracker> {
        Box::new(self.clone())
    }

    fn tick(&mut self, state: &ProgressState, now: Instant) {
        self.pace.see(state.pos(), now);
    }

    fn reset(&mut self, _: &ProgressState, _: Instant) {
        self.pace = Pace::default();
    }

    fn write(&self, state: &ProgressState, out: &mut dyn fmt::Write) {
        let columns = terminal_size_of(io::stderr()).map_or(80, |(Width(columns), _)| columns);
        let numbers = Numbers {
            done: state.pos(),
            total: state.len(),
            pace: self.pace.per_second(),
        };
        let beside = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing to a string cannot fail.
        let _ = out.write_str(&numbers.line(self.unit, &beside, columns.into()));
    }
}

/// How fast it goes: an average in which what is older than half a minute hardly counts, so that
/// neither a batch at once nor a large photo makes the end jump.
#[derive(Clone, Default)]
struct Pace {
    seen: Option<(u64, Instant)>,
    steps: f64,
    seconds: f64,
}

impl Pace {
    /// After so many seconds a step counts 1/e.
    const MEMORY: f64 = 30.0;
    /// Before, a guess would be wild.
    const LEAST_SECONDS: f64 = 2.0;

    fn see(&mut self, done: u64, now: Instant) {
        if let Some((before, at)) = self.seen {
            let elapsed = now.saturating_duration_since(at).as_secs_f64();
            let kept = (-elapsed / Self::MEMORY).exp();
            self.steps = self.steps * kept + done.saturating_sub(before) as f64;
            self.seconds = self.seconds * kept + elapsed;
        }
        self.seen = Some((done, now));
    }

    fn per_second(&self) -> Option<f64> {
        let is_known = self.seconds >= Self::LEAST_SECONDS && self.steps > 0.0;
        is_known.then(|| self.steps / self.seconds)
    }
}

struct Numbers {
    done: u64,
    total: Option<u64>,
    pace: Option<f64>,
}

impl Numbers {
    /// A line of less than so many columns: what comes last is left out first. The last column stays
    /// free, since some terminals go on to the next line behind it.
    fn line(&self, unit: Unit, beside: &[String], columns: usize) -> String {
        let room = columns.saturating_sub(1);
        let mut line = match columns {
            100.. => self.drawn(30),
            60.. => self.drawn(10),
            _ => String::new(),
        };
        let first = self.count(unit);
        let more = [self.end(), self.rate(unit)].into_iter().flatten();
        for part in [first]
            .into_iter()
            .chain(more)
            .chain(beside.iter().cloned())
        {
            let taken = line.chars().count();
            if taken == 0 {
                line = part.chars().take(room).collect();
            } else if taken + 2 + part.chars().count() <= room {
                line = line + "  " + &part;
            } else {
                break;
            }
        }
        line
    }

    /// The bar itself, where it has an end.
    fn drawn(&self, columns: usize) -> String {
        let Some(total) = self.total.filter(|total| *total > 0) else {
            return String::new();
        };
        let share = (self.done as f64 / total as f64).min(1.0);
        let full = (share * columns as f64) as usize;
        "█".repeat(full) + &"░".repeat(columns - full)
    }

    fn count(&self, unit: Unit) -> String {
        let (done, total) = (self.done, self.total);
        match (unit, total) {
            (Unit::Things(name), Some(total)) => {
                format!("{}/{} {name}", HumanCount(done), HumanCount(total))
            }
            (Unit::Things(name), None) => format!("{} {name}", HumanCount(done)),
            (Unit::Bytes, Some(total)) => format!("{}/{}", DecimalBytes(done), DecimalBytes(total)),
            (Unit::Bytes, None) => DecimalBytes(done).to_string(),
            (Unit::Share(name), Some(total)) => {
                format!("{name} {} %", done.min(total) * 100 / total.max(1))
            }
            (Unit::Share(name), None) => name.to_owned(),
        }
    }

    fn end(&self) -> Option<String> {
        let left = self.total?.saturating_sub(self.done);
        Some(format!("ETA {}", duration(left as f64 / self.pace?)))
    }

    fn rate(&self, unit: Unit) -> Option<String> {
        let pace = self.pace?;
        match unit {
            Unit::Share(_) => None,
            Unit::Bytes => Some(format!("{}/s", DecimalBytes(pace as u64))),
            Unit::Things(_) if pace < 10.0 => Some(format!("{pace:.1}/s")),
            Unit::Things(_) => Some(format!("{}/s", HumanCount(pace.round() as u64))),
        }
    }
}

/// As exactly as anybody can know it: by five seconds, minutes, five minutes, hours.
fn duration(seconds: f64) -> String {
    let seconds = seconds as u64;
    match seconds {
        0..=55 => format!("{} s", seconds.div_ceil(5) * 5),
        56..=3_540 => format!("{} min", seconds.div_ceil(60)),
        3_541..=86_100 => {
            let minutes = seconds.div_ceil(300) * 5;
            format!("{} h {} min", minutes / 60, minutes % 60)
        }
        _ => {
            let hours = seconds.div_ceil(3600);
            format!("{} d {} h", hours / 24, hours % 24)
        }
    }
}

#[cfg(test)]
mod tests;
