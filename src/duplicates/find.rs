//! The whole way: candidates, what the pixels say of them, groups.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::candidates::{Pair, candidates};
use super::collection::Collection;
use super::decide::{Change, Verdict, decide};
use super::groups::groups;
use super::known::Known;
use super::looks::Looks;
use super::not_duplicates::NotDuplicates;
use super::options::Options;
use super::report::{Duplicates, Skipped, Work};
use super::stars::components;
use crate::error::Result;
use crate::gallery::Snapshot;
use crate::photo::{ContentHash, Signature};

/// Pairs that are compared between two questions whether to stop.
const AT_ONCE: usize = 256;
/// So alike are the signatures of photos that one moment of one camera made.
const OF_ONE_MOMENT: f32 = 0.998;

/// What goes on.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// Candidates are looked for: photos done, of all.
    Searching(usize, usize),
    /// Pictures are compared: pairs done, of all.
    Comparing(usize, usize),
}

/// Finds the photos of a gallery that are there more than once. Nothing where `on_event` broke.
///
/// # Errors
/// As [`Snapshot::nearest_vectors`].
pub fn find(
    snapshot: &Snapshot,
    not_duplicates: &NotDuplicates,
    options: &Options,
    on_event: &mut (dyn FnMut(Event) -> ControlFlow<()> + Send),
) -> Result<Option<Duplicates>> {
    let begun = Instant::now();
    let collection = Collection::of(snapshot, options);
    let Some(pairs) = searched(&collection, snapshot, on_event)? else {
        return Ok(None);
    };
    let mut finder = Finder::new(&collection, options.fast);
    let candidates = pairs.len();
    if finder.decide_all(&pairs, on_event).is_break() {
        return Ok(None);
    }
    let mut report = groups(&collection, &finder.known, not_duplicates, options);
    report.undecided = finder.known.unlooked;
    report.work = Work {
        candidates,
        compared: finder.compared,
        decoded: finder.looks.decoded(),
        seconds: begun
            .elapsed()
            .saturating_sub(finder.decoding)
            .as_secs_f64(),
        decoding_seconds: finder.decoding.as_secs_f64(),
    };
    let contents = &collection.contents;
    report.unsigned = contents.iter().filter(|it| it.signature.is_none()).count();
    let failed = finder.failed().into_iter();
    report.skipped = failed
        .map(|(path, reason)| Skipped { path, reason })
        .collect();
    Ok(Some(report))
}

/// Candidates, with word of how far it is.
fn searched(
    collection: &Collection,
    snapshot: &Snapshot,
    on_event: &mut (dyn FnMut(Event) -> ControlFlow<()> + Send),
) -> Result<Option<Vec<Pair>>> {
    // Each is asked for twice: its neighbours, and what may lie in it.
    let all = collection.contents.len();
    let (done, is_stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let on_event = Mutex::new(on_event);
    let on_step = |steps| {
        let done = done.fetch_add(steps, Ordering::Relaxed) / 2;
        // Whoever comes while another one tells goes on.
        if let Ok(mut on_event) = on_event.try_lock()
            && on_event(Event::Searching(done.min(all), all)).is_break()
        {
            is_stopped.store(true, Ordering::Relaxed);
        }
        !is_stopped.load(Ordering::Relaxed)
    };
    candidates(collection, snapshot, &on_step)
}

/// Pairs of contents, and what becomes known of them.
pub struct Finder<'a> {
    collection: &'a Collection,
    looks: Looks<'a>,
    known: Known,
    compared: usize,
    decoding: Duration,
    fast: bool,
}

impl<'a> Finder<'a> {
    /// Of which nothing is known yet.
    pub fn new(collection: &'a Collection, fast: bool) -> Self {
        Self {
            collection,
            looks: Looks::of(collection),
            known: Known::default(),
            compared: 0,
            decoding: Duration::ZERO,
            fast,
        }
    }

    /// The first content with the same pixels.
    pub fn unit(&self, content: u32) -> u32 {
        self.known.unit(content)
    }

    /// Contents that are the same photograph as a unit, the first first.
    pub fn same(&self, unit: u32) -> impl Iterator<Item = (u32, Verdict)> {
        self.known.same(unit)
    }

    /// Photos that could not be read, and why.
    pub fn failed(&self) -> Vec<(PathBuf, String)> {
        let path = |content: u32| {
            let photo = self.collection.contents[content as usize].photos[0];
            self.collection.records[photo as usize].path.clone()
        };
        let failed = self.looks.failed().into_iter();
        failed
            .map(|(content, reason)| (path(content), reason))
            .collect()
    }

    /// Decides, by pixels unless it has to be fast, as far as it needs to be known who is kept and who is
    /// whose duplicate.
    pub fn decide_all(
        &mut self,
        pairs: &[Pair],
        on_event: &mut (dyn FnMut(Event) -> ControlFlow<()> + Send),
    ) -> ControlFlow<()> {
        self.equal_pixels(on_event)?;
        let mut open = Vec::new();
        for pair in pairs {
            let (first, second) = (self.known.unit(pair.first), self.known.unit(pair.second));
            if first == second {
                continue;
            }
            if let Some(verdict) = self.by_signatures(pair) {
                self.known.insert((first, second), verdict);
            }
            open.push((first, second));
        }
        // One component after the other, so that few pictures are needed at a time.
        let mut done = 0;
        let total = open.len();
        for mut stars in components(open, AT_ONCE) {
            loop {
                let open = stars.grow(&self.known);
                if open.is_empty() {
                    break;
                }
                if self.fast {
                    self.known.unlooked += open.len();
                    for pair in open {
                        self.known.insert(pair, Verdict::Other);
                    }
                } else {
                    self.compare(&open, &mut |some| {
                        on_event(Event::Comparing(done + some, total.max(done + some)))
                    })?;
                    done += open.len();
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Contents whose pictures have one size and one signature may have the same pixels; so each is
    /// decoded once, however many there are.
    fn equal_pixels(
        &mut self,
        on_event: &mut (dyn FnMut(Event) -> ControlFlow<()> + Send),
    ) -> ControlFlow<()> {
        let begun = Instant::now();
        let mut alike: HashMap<((u32, u32), Signature), Vec<u32>> = HashMap::new();
        for (number, content) in (0..).zip(&self.collection.contents) {
            if let Some(signature) = content.signature {
                let alike = alike.entry((content.size, signature)).or_default();
                alike.push(number);
            }
        }
        let mut alike: Vec<Vec<u32>> = alike.into_values().filter(|it| it.len() > 1).collect();
        alike.sort_unstable();
        if self.fast {
            self.known.unlooked = alike.iter().map(|it| it.len() - 1).sum();
            return ControlFlow::Continue(());
        }
        let numbers: Vec<(usize, u32)> = alike
            .iter()
            .enumerate()
            .flat_map(|(place, numbers)| numbers.iter().map(move |number| (place, *number)))
            .collect();
        let mut first_with: HashMap<(usize, ContentHash), u32> = HashMap::new();
        for (round, some) in numbers.chunks(AT_ONCE).enumerate() {
            on_event(Event::Comparing(round * AT_ONCE, numbers.len()))?;
            let looks = &self.looks;
            let pixels: Vec<Option<ContentHash>> = some
                .par_iter()
                .map(|(_, number)| looks.pixels(*number))
                .collect();
            self.looks.count(pixels.len());
            for ((place, number), pixels) in some.iter().zip(pixels) {
                if let Some(pixels) = pixels {
                    let first = *first_with.entry((*place, pixels)).or_insert(*number);
                    self.known.join(*number, first);
                }
            }
        }
        self.decoding += begun.elapsed();
        ControlFlow::Continue(())
    }

    /// What needs no pixels: shots of a burst, and, where no pixels are to be looked at, one moment of
    /// one camera.
    fn by_signatures(&self, pair: &Pair) -> Option<Verdict> {
        /// Seconds within which one camera's photos are of one burst.
        const BURST: i64 = 60;
        let facts = |number: u32| {
            let photo = self.collection.contents[number as usize].photos[0];
            self.collection.records[photo as usize].facts.as_ref()
        };
        let (first, second) = (facts(pair.first)?, facts(pair.second)?);
        let (camera, taken) = (first.camera.as_ref()?, first.taken?);
        let (other_camera, other_taken) = (second.camera.as_ref()?, second.taken?);
        if camera != other_camera {
            return None;
        }
        let apart = (taken.seconds - other_taken.seconds).abs();
        if taken != other_taken && apart <= BURST && taken.offset == other_taken.offset {
            return Some(Verdict::Other);
        }
        let is_sure = pair.correlation.is_some_and(|it| it >= OF_ONE_MOMENT);
        (self.fast && is_sure && taken == other_taken).then_some(Verdict::Same(Change::default()))
    }

    /// Decodes and compares.
    fn compare(
        &mut self,
        pairs: &[(u32, u32)],
        on_pairs: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let begun = Instant::now();
        for (round, pairs_now) in pairs.chunks(AT_ONCE).enumerate() {
            on_pairs(round * AT_ONCE)?;
            let mut numbers: Vec<u32> = pairs_now.iter().flat_map(|(a, b)| [*a, *b]).collect();
            numbers.sort_unstable();
            numbers.dedup();
            self.looks.prepare(&numbers);
            let looks = &self.looks;
            let verdicts = pairs_now.par_iter().map(|(first, second)| {
                let both = (looks.get(*first)?, looks.get(*second)?);
                let readable =
                    |is_first: bool| looks.readable(if is_first { *first } else { *second });
                Some(decide(&both.0, &both.1, &readable))
            });
            let verdicts: Vec<Option<Verdict>> = verdicts.collect();
            for (pair, verdict) in pairs_now.iter().zip(verdicts) {
                self.compared += usize::from(verdict.is_some());
                self.known.insert(*pair, verdict.unwrap_or(Verdict::Other));
            }
        }
        self.decoding += begun.elapsed();
        ControlFlow::Continue(())
    }
}
