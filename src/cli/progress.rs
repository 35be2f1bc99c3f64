//! What goes on, on bars and in lines.

use std::fs;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use imgsearch::eval::features::EvalEvent;
use imgsearch::ingest::IngestEvent;
use imgsearch::model::FetchEvent;
use indicatif::{DecimalBytes, HumanCount};

use super::bar::{Bar, Unit};
use super::output::{clean, clean_line, shown_clean};
use super::skipped::{SkippedLines, of_other_kinds};
use super::tell::{detail, note};

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

/// What is said at Ctrl-C by what asks for it at work; nobody asks, and the process ends at once, where
/// nothing is.
static LISTENS: Mutex<Option<Afterwards>> = Mutex::new(None);

/// What the same command does after Ctrl-C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// It goes on where it was stopped.
    GoesOn,
    /// It begins anew.
    BeginsAnew,
}

impl Afterwards {
    const fn said(self) -> &'static str {
        match self {
            Self::GoesOn => {
                "stopping: what is done is kept, and the same command goes on from there (once more to \
                 stop at once)"
            }
            Self::BeginsAnew => {
                "stopping: the same command begins anew (once more to stop at once)"
            }
        }
    }
}

/// From now on Ctrl-C ends the process, always with the exit code that says so: at once, or, where the
/// work asks for it ([`stop_on_ctrl_c`]), in good order the first time.
#[expect(
    clippy::exit,
    reason = "nothing is at work that would end by itself, or not soon enough"
)]
pub fn hear_ctrl_c() {
    // Fails where the system gives no thread: then it ends the process as it does any other.
    let _ = ctrlc::set_handler(|| {
        let listens = *listens();
        match listens {
            Some(afterwards) if !STOP.swap(true, Ordering::SeqCst) => {
                note!("\n{}", afterwards.said());
            }
            _ => std::process::exit(130),
        }
    });
}

/// From now on Ctrl-C asks to stop, and asked twice ends the process.
pub fn stop_on_ctrl_c(afterwards: Afterwards) {
    *listens() = Some(afterwards);
}

fn listens() -> MutexGuard<'static, Option<Afterwards>> {
    LISTENS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether Ctrl-C asked to stop.
pub fn go_on() -> ControlFlow<()> {
    if STOP.load(Ordering::SeqCst) {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}

fn device_lost(reason: &str) {
    note!("note: {}: going on with the CPU", clean(reason));
}

/// Shows an ingestion.
#[derive(Default)]
pub struct IngestProgress {
    bar: Option<Bar>,
    known: usize,
    skipped: usize,
    lines: SkippedLines,
    is_publishing: bool,
}

impl IngestProgress {
    /// Shows what happens and says whether to go on.
    pub fn on_event(&mut self, event: &IngestEvent<'_>) -> ControlFlow<()> {
        match event {
            IngestEvent::Walked {
                to_do,
                unchanged,
                others,
            } => {
                if let Some(line) = of_other_kinds(*others) {
                    note!("{}", clean_line(&line));
                }
                self.walked(*to_do, *unchanged);
            }
            // Whoever has an extractor has its weights.
            IngestEvent::Fetching(_) | IngestEvent::Waiting => {}
            IngestEvent::Stored { photos } => self.advance(*photos),
            IngestEvent::Skipped(skipped) => {
                self.skipped += 1;
                self.lines.note(&skipped.path, &skipped.reason);
                self.advance(1);
            }
            IngestEvent::Incomplete(incomplete) => {
                note!(
                    "note: only {} of the picture is there: {}",
                    incomplete.part(),
                    shown_clean(&incomplete.path)
                );
            }
            IngestEvent::DeviceLost { reason } => device_lost(reason),
            IngestEvent::Publishing { done, total } => self.publishing(*done, *total),
        }
        go_on()
    }

    fn walked(&mut self, to_do: usize, known: usize) {
        let counts = [known, to_do].map(|count| HumanCount(count as u64));
        detail!(
            "photos: {} already known, {} to look at",
            counts[0],
            counts[1]
        );
        if to_do > 0 {
            self.known = known;
            self.bar = Some(Bar::new(Unit::Things("photos"), Some(to_do as u64)));
            self.advance(0);
        }
    }

    fn advance(&self, photos: usize) {
        if let Some(bar) = &self.bar {
            bar.advance(photos as u64);
            let counts = [(self.known, "already known"), (self.skipped, "skipped")];
            let counts = counts.iter().filter(|(count, _)| *count > 0);
            let words = counts.map(|(count, what)| format!("{} {what}", HumanCount(*count as u64)));
            bar.beside(words.collect());
        }
    }

    fn publishing(&mut self, done: usize, total: usize) {
        let total = Some(total as u64);
        if !self.is_publishing {
            self.finish();
            self.bar = Some(Bar::new(Unit::Things("in the index"), total));
            self.is_publishing = true;
        }
        if let Some(bar) = &self.bar {
            bar.set(done as u64, total);
        }
    }

    pub fn finish(&mut self) {
        self.bar = None;
        self.lines.tell();
    }
}

/// Shows an evaluation.
#[derive(Default)]
pub struct EvalProgress {
    bar: Option<Bar>,
    lines: SkippedLines,
    is_evaluating: bool,
}

impl EvalProgress {
    /// Shows what happens and says whether to go on.
    pub fn on_event(&mut self, event: &EvalEvent<'_>) -> ControlFlow<()> {
        match event {
            EvalEvent::Recognized(form) => {
                if let Some((whose, names)) = form.recognized() {
                    note!(
                        "what belongs together is read from {whose} names ({names}); \
                         `--ground-truth folders` takes folders instead"
                    );
                }
            }
            EvalEvent::Started { items } => {
                self.finish();
                self.bar = Some(Bar::new(Unit::Things("photos"), Some(*items as u64)));
            }
            EvalEvent::Waiting => {}
            EvalEvent::Pooled => self.advance(),
            EvalEvent::Skipped(skipped) => {
                self.lines.note(&skipped.path, &skipped.reason);
                self.advance();
            }
            EvalEvent::DeviceLost { reason } => device_lost(reason),
            EvalEvent::Evaluated { done, total } => {
                let total = Some(*total as u64);
                if !self.is_evaluating {
                    self.finish();
                    self.is_evaluating = true;
                    self.bar = Some(Bar::new(Unit::Things("specs"), total));
                }
                if let Some(bar) = &self.bar {
                    bar.set(*done as u64, total);
                }
            }
        }
        go_on()
    }

    fn advance(&self) {
        if let Some(bar) = &self.bar {
            bar.advance(1);
        }
    }

    pub fn finish(&mut self) {
        self.is_evaluating = false;
        self.bar = None;
        self.lines.tell();
    }
}

/// What a snapshot made anew is called.
pub const REBUILDING: &str = "rebuilding the snapshot";

/// Shows something that is done in steps, from the first on that is told.
pub struct StepProgress {
    what: &'static str,
    bar: Option<Bar>,
}

impl StepProgress {
    pub const fn new(what: &'static str) -> Self {
        Self { what, bar: None }
    }

    /// Shows how far it is, of nothing as long as nobody knows, and says whether to go on.
    pub fn on_step(&mut self, done: usize, total: usize) -> ControlFlow<()> {
        let (done, total) = (done as u64, Some(total as u64));
        let new = || Bar::new(Unit::Share(self.what), total);
        self.bar.get_or_insert_with(new).set(done, total);
        go_on()
    }

    pub fn finish(&mut self) {
        self.bar = None;
    }
}

/// Shows where weights come from.
#[derive(Default)]
pub struct FetchProgress {
    bar: Option<Bar>,
    /// Whether Ctrl-C asks it, and nobody else, to stop.
    is_asked: bool,
}

impl Drop for FetchProgress {
    fn drop(&mut self) {
        self.listen(false);
    }
}

impl FetchProgress {
    /// Shows what happens and says whether to go on.
    pub fn on_event(&mut self, event: FetchEvent) -> ControlFlow<()> {
        // What has come of a file is taken up by the next.
        self.listen(!matches!(event, FetchEvent::Fetched { .. }));
        match event {
            FetchEvent::Trying { origin } => {
                note!(
                    "getting the weights, once and for all galleries: {}",
                    clean(&origin)
                );
            }
            FetchEvent::Running { what } => note!("{}", clean(&what)),
            FetchEvent::Failed { origin, reason } => {
                self.bar = None;
                note!("{}", clean(&format!("{origin} failed: {reason}")));
            }
            FetchEvent::SetAside { path, .. } => {
                let path = path.display().to_string();
                note!("damaged, fetched again: {}", clean(&path));
            }
            FetchEvent::Waiting => {}
            FetchEvent::Fetched { origin, path } => {
                self.bar = None;
                let size = fs::metadata(path).map(|file| DecimalBytes(file.len()));
                let size = size.map_or_else(|_| String::new(), |size| format!(", {size}"));
                note!("got the weights: {}{size}", clean(&origin));
            }
            FetchEvent::Progress { done, total } => self.come(done, total),
        }
        go_on()
    }

    /// Whether it is a fetching that ends in good order at Ctrl-C, in a command that otherwise would not.
    fn listen(&mut self, is_at_work: bool) {
        let mut listens = listens();
        if is_at_work && listens.is_none() {
            (*listens, self.is_asked) = (Some(Afterwards::GoesOn), true);
        } else if !is_at_work && self.is_asked {
            (*listens, self.is_asked) = (None, false);
        }
    }

    fn come(&mut self, done: u64, total: Option<u64>) {
        let new = || {
            if let Some(total) = total {
                note!("downloading {}", DecimalBytes(total));
            }
            Bar::new(Unit::Bytes, total)
        };
        self.bar.get_or_insert_with(new).set(done, total);
    }
}
