//! Bars on a terminal; nothing elsewhere.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use imgsearch::eval::features::EvalEvent;
use imgsearch::ingest::IngestEvent;
use imgsearch::model::FetchEvent;
use indicatif::{ProgressBar, ProgressStyle};

use super::output::{clean, skipped_line};
use super::tell::tell;

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C asks to stop, and asked twice ends the process.
#[expect(clippy::exit, reason = "who asks twice wants to wait for nothing")]
pub fn stop_on_ctrl_c() {
    // Fails only if it was set before: then it is set.
    let _ = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        tell!("\nstopping: keeping what is done (once more to stop at once)");
    });
}

/// Whether Ctrl-C asked to stop.
pub fn go_on() -> ControlFlow<()> {
    if STOP.load(Ordering::SeqCst) {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}

fn bar(length: u64, template: &str) -> ProgressBar {
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(length).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Prints a line above the bar, if there is one.
fn say(bar: Option<&ProgressBar>, line: &str) {
    let tell = || tell!("{line}");
    bar.map_or_else(tell, |bar| bar.suspend(tell));
}

fn device_lost(bar: Option<&ProgressBar>, reason: &str) {
    say(
        bar,
        &format!("note: {}: going on with the CPU", clean(reason)),
    );
}

/// Shows an ingestion.
pub struct IngestProgress {
    bar: Option<ProgressBar>,
    skipped: usize,
    is_publishing: bool,
}

impl IngestProgress {
    pub const fn new() -> Self {
        Self {
            bar: None,
            skipped: 0,
            is_publishing: false,
        }
    }

    /// Shows what happens and says whether to go on.
    pub fn on_event(&mut self, event: &IngestEvent<'_>) -> ControlFlow<()> {
        match event {
            IngestEvent::Walked { to_do, .. } if *to_do > 0 => {
                let template = "{bar:30} {pos}/{len} photos  {per_sec}  ETA {eta}  {msg}";
                self.bar = Some(bar(*to_do as u64, template));
            }
            // Whoever has an extractor has its weights.
            IngestEvent::Walked { .. } | IngestEvent::Fetching(_) | IngestEvent::Waiting => {}
            IngestEvent::Stored { photos } => self.advance(*photos),
            IngestEvent::Skipped(skipped) => {
                self.skipped += 1;
                let line = skipped_line(&skipped.path, &skipped.reason);
                say(self.bar.as_ref(), &line);
                self.advance(1);
            }
            IngestEvent::DeviceLost { reason } => device_lost(self.bar.as_ref(), reason),
            IngestEvent::Publishing { done, total } => self.publishing(*done, *total),
        }
        go_on()
    }

    fn advance(&self, photos: usize) {
        if let Some(bar) = &self.bar {
            bar.inc(photos as u64);
            if self.skipped > 0 {
                bar.set_message(format!("{} skipped", self.skipped));
            }
        }
    }

    fn publishing(&mut self, done: usize, total: usize) {
        if !self.is_publishing {
            self.finish();
            self.bar = Some(bar(
                total as u64,
                "{bar:30} {pos}/{len} in the index  ETA {eta}",
            ));
            self.is_publishing = true;
        }
        if let Some(bar) = &self.bar {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        }
    }

    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// Shows an evaluation.
pub struct EvalProgress {
    bar: Option<ProgressBar>,
    is_evaluating: bool,
}

impl EvalProgress {
    pub const fn new() -> Self {
        Self {
            bar: None,
            is_evaluating: false,
        }
    }

    /// Shows what happens and says whether to go on.
    pub fn on_event(&mut self, event: &EvalEvent<'_>) -> ControlFlow<()> {
        match event {
            EvalEvent::Started { items } => {
                self.finish();
                let template = "{bar:30} {pos}/{len} photos  {per_sec}  ETA {eta}";
                self.bar = Some(bar(*items as u64, template));
            }
            EvalEvent::Waiting => {}
            EvalEvent::Pooled => self.advance(),
            EvalEvent::Skipped(skipped) => {
                let line = skipped_line(&skipped.path, &skipped.reason);
                say(self.bar.as_ref(), &line);
                self.advance();
            }
            EvalEvent::DeviceLost { reason } => device_lost(self.bar.as_ref(), reason),
            EvalEvent::Evaluated { done, total } => {
                if !self.is_evaluating {
                    self.finish();
                    self.is_evaluating = true;
                    self.bar = Some(bar(*total as u64, "{bar:30} {pos}/{len} specs  ETA {eta}"));
                }
                if let Some(bar) = &self.bar {
                    bar.set_position(*done as u64);
                }
            }
        }
        go_on()
    }

    fn advance(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    pub fn finish(&mut self) {
        self.is_evaluating = false;
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// What a snapshot made anew is called.
pub const REBUILDING: &str = "rebuilding the snapshot";

/// Shows something that is done in steps, from the first on that is told.
pub struct StepProgress {
    what: &'static str,
    bar: Option<ProgressBar>,
}

impl StepProgress {
    pub const fn new(what: &'static str) -> Self {
        Self { what, bar: None }
    }

    /// Shows how far it is, of nothing as long as nobody knows, and says whether to go on.
    pub fn on_step(&mut self, done: usize, total: usize) -> ControlFlow<()> {
        let bar = self.bar.get_or_insert_with(|| {
            let template = "{spinner} {msg}  {bar:30} {percent} %  ETA {eta}";
            bar(total as u64, template).with_message(self.what)
        });
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        go_on()
    }

    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// Shows where weights come from.
#[derive(Default)]
pub struct FetchProgress {
    bar: Option<ProgressBar>,
}

impl FetchProgress {
    /// Shows what happens and says whether to go on.
    pub fn on_event(&mut self, event: FetchEvent) -> ControlFlow<()> {
        match event {
            FetchEvent::Trying { origin } => {
                self.message(&format!("getting the weights: {origin}"));
            }
            FetchEvent::Running { what } => self.message(&what),
            FetchEvent::Failed { origin, reason } => {
                self.message(&format!("{origin} failed: {reason}"));
            }
            FetchEvent::SetAside { path, .. } => {
                self.message(&format!("damaged, fetched again: {}", path.display()));
            }
            FetchEvent::Waiting => {}
            FetchEvent::Fetched { origin, .. } => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
                self.message(&format!("got the weights: {origin}"));
            }
            FetchEvent::Progress { done, total } => {
                let template = match total {
                    Some(_) => "{bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  ETA {eta}",
                    None => "{spinner} {bytes}  {bytes_per_sec}",
                };
                let bar = self
                    .bar
                    .get_or_insert_with(|| bar(total.unwrap_or(0), template));
                bar.set_position(done);
            }
        }
        go_on()
    }

    fn message(&self, text: &str) {
        say(self.bar.as_ref(), &clean(text));
    }
}
