//! A list worked through by several threads, a batch at a time, while one takes what they make.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

/// Calls `work` with one batch of the places 0 to `count` after the other in `jobs` threads, 0 for
/// one per core, and meanwhile `take`, which gets what they send and a way to stop them early. They
/// stop when it returns.
pub(crate) fn work_through<T: Send, R>(
    (count, batch): (usize, usize),
    jobs: usize,
    work: impl Fn(Range<usize>, &Sender<T>) + Sync,
    take: impl FnOnce(Receiver<T>, &dyn Fn()) -> R,
) -> R {
    let jobs = match jobs {
        0 => thread::available_parallelism().map_or(1, std::num::NonZero::get),
        jobs => jobs,
    };
    let (next, is_stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let run = |sender: Sender<T>| {
        while !is_stopped.load(Ordering::Relaxed) {
            let start = next.fetch_add(batch, Ordering::Relaxed);
            if start >= count {
                return;
            }
            work(start..(start + batch).min(count), &sender);
        }
    };
    // Bounded, so that memory is, however far the taking falls behind.
    let (sender, receiver) = bounded(4 * jobs);
    let stop = || is_stopped.store(true, Ordering::Relaxed);
    thread::scope(|scope| {
        for _ in 0..jobs {
            let (run, sender) = (&run, sender.clone());
            scope.spawn(move || run(sender));
        }
        drop(sender);
        let taken = take(receiver, &stop);
        stop();
        taken
    })
}
