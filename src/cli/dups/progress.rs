//! How far the search for duplicates is.

use std::ops::ControlFlow;

use imgsearch::duplicates::Event;

use crate::cli::bar::{Bar, Unit};
use crate::cli::progress::go_on;

/// Shows how far it is.
#[derive(Default)]
pub struct Progress {
    bar: Option<Bar>,
    is_comparing: bool,
}

impl Progress {
    /// Shows it, and says whether to go on.
    pub fn on_event(&mut self, event: Event) -> ControlFlow<()> {
        let (done, total, what) = match event {
            Event::Searching(done, total) => (done, total, "photos"),
            Event::Comparing(done, total) => {
                if !self.is_comparing {
                    self.bar = None;
                    self.is_comparing = true;
                }
                (done, total, "pairs compared")
            }
        };
        let (done, total) = (done as u64, Some(total as u64));
        let new = || Bar::new(Unit::Things(what), total);
        self.bar.get_or_insert_with(new).set(done, total);
        go_on()
    }
}
