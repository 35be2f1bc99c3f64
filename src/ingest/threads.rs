//! A list worked through by several threads while one takes what they make.
//!
//! On a CPU each thread does a photo from end to end. For a device that takes many at once all of them
//! read and decode, and one more feeds the device: in full batches of pictures of one size, through a
//! queue that holds two of them and no more.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::error::NetworkError;
use crate::photo::stop;

/// How long whoever takes is left without a word.
const TICK: Duration = Duration::from_millis(200);

/// What the threads do.
pub(crate) trait Work: Sync {
    /// A photo that is ready for the network.
    type Photo: Send;
    /// What is made of it.
    type Taken: Send;

    /// Reads and decodes what lies at `place`; nothing where no network is needed, and all that there
    /// is to say has been sent.
    fn prepare(&self, place: usize, taken: &Sender<Self::Taken>) -> Option<Self::Photo>;

    /// Height and width of its picture.
    fn size(photo: &Self::Photo) -> (usize, usize);

    /// Runs the network, and sends what comes of each.
    fn describe(&self, photos: Vec<Self::Photo>, taken: &Sender<Self::Taken>);
}

/// Does the places 0 to `count` in `jobs` threads, 0 for one per core, and so many photos at once, and
/// meanwhile calls `take` with what they send and, while nothing comes, with nothing from time to time.
/// When it breaks they stop: decoders where they are, and what is ready for the network still comes.
///
/// # Errors
/// [`NetworkError::NoThreads`] where the system gives none to work in. Where it gives fewer than were
/// asked for, those do it all.
pub(crate) fn work_through<W: Work>(
    work: &W,
    size: (usize, usize),
    jobs: usize,
    take: &mut dyn FnMut(Option<W::Taken>) -> ControlFlow<()>,
) -> Result<(), NetworkError> {
    work_in(&mut thread::Builder::new, work, size, jobs, take)
}

/// The same in threads that are built so.
fn work_in<W: Work>(
    thread: &mut dyn FnMut() -> thread::Builder,
    work: &W,
    (count, batch): (usize, usize),
    jobs: usize,
    take: &mut dyn FnMut(Option<W::Taken>) -> ControlFlow<()>,
) -> Result<(), NetworkError> {
    let jobs = match jobs {
        0 => thread::available_parallelism().map_or(1, std::num::NonZero::get),
        jobs => jobs,
    };
    let (next, is_stopped) = (AtomicUsize::new(0), Arc::new(AtomicBool::new(false)));
    let each = |sender: &Sender<W::Taken>, ready: &dyn Fn(W::Photo)| {
        while !is_stopped.load(Ordering::Relaxed) {
            let place = next.fetch_add(1, Ordering::Relaxed);
            if place >= count {
                return;
            }
            if let Some(photo) = work.prepare(place, sender) {
                ready(photo);
            }
        }
    };
    // Bounded, so that memory is, however far the taking falls behind.
    let (sender, receiver) = bounded(4 * jobs.max(batch));
    thread::scope(|scope| {
        let mut queue = None;
        if batch > 1 {
            let (filled, queued) = bounded(2 * batch);
            let sender = sender.clone();
            let feeder = move || feed(work, batch, queued, &sender);
            thread().spawn_scoped(scope, feeder).map_err(refused)?;
            queue = Some(filled);
        }
        for place in 0..jobs {
            let (each, sender, queue) = (&each, sender.clone(), queue.clone());
            let is_stopped = &is_stopped;
            let worker = move || {
                stop::until(is_stopped, || match queue {
                    None => each(&sender, &|photo| work.describe(vec![photo], &sender)),
                    // Whoever reads it goes on until all of these have ended.
                    Some(queue) => each(&sender, &|photo| drop(queue.send(photo))),
                });
            };
            match thread().spawn_scoped(scope, worker) {
                Ok(_) => {}
                Err(source) if place == 0 => return Err(refused(source)),
                // Those that there are do it all.
                Err(_) => break,
            }
        }
        drop((sender, queue));
        loop {
            let taken = match receiver.recv_timeout(TICK) {
                Ok(taken) => Some(taken),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            if take(taken).is_break() {
                is_stopped.store(true, Ordering::Relaxed);
            }
        }
    })
}

const fn refused(source: io::Error) -> NetworkError {
    NetworkError::NoThreads { source }
}

/// Gives the network what is queued, in batches as full as they can be.
fn feed<W: Work>(work: &W, batch: usize, queued: Receiver<W::Photo>, sender: &Sender<W::Taken>) {
    let mut waiting: BTreeMap<(usize, usize), Vec<W::Photo>> = BTreeMap::new();
    let mut count = 0;
    for photo in queued {
        let size = W::size(&photo);
        let alike = waiting.entry(size).or_default();
        alike.push(photo);
        count += 1;
        // Pictures of many sizes must not pile up: then the fullest batch goes as it is.
        let due = if alike.len() >= batch {
            Some(size)
        } else if count >= 4 * batch {
            let fullest = waiting.iter().max_by_key(|(_, photos)| photos.len());
            fullest.map(|(size, _)| *size)
        } else {
            None
        };
        if let Some(photos) = due.and_then(|size| waiting.remove(&size)) {
            count -= photos.len();
            work.describe(photos, sender);
        }
    }
    for photos in waiting.into_values() {
        work.describe(photos, sender);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use super::*;

    /// Photos of so many sizes, and how many were described at once.
    struct Sizes {
        sizes: usize,
        batches: Mutex<Vec<usize>>,
    }

    impl Sizes {
        const fn new(sizes: usize) -> Self {
            let batches = Mutex::new(Vec::new());
            Self { sizes, batches }
        }

        fn sorted_batches(self) -> Vec<usize> {
            let mut batches = self.batches.into_inner().unwrap();
            batches.sort_unstable();
            batches
        }
    }

    impl Work for Sizes {
        type Photo = (usize, usize);
        type Taken = usize;

        fn prepare(&self, place: usize, taken: &Sender<usize>) -> Option<(usize, usize)> {
            if place % 10 == 9 {
                // Its descriptor is known.
                let _ = taken.send(place);
                return None;
            }
            Some((place, place % self.sizes))
        }

        fn size(photo: &(usize, usize)) -> (usize, usize) {
            (photo.1, 1)
        }

        fn describe(&self, photos: Vec<(usize, usize)>, taken: &Sender<usize>) {
            assert!(photos.iter().all(|photo| photo.1 == photos[0].1));
            self.batches.lock().unwrap().push(photos.len());
            for (place, _) in photos {
                let _ = taken.send(place);
            }
        }
    }

    fn all(work: &Sizes, count: usize, batch: usize, jobs: usize) -> BTreeSet<usize> {
        let mut all = Vec::new();
        work_through(work, (count, batch), jobs, &mut |taken| {
            all.extend(taken);
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(all.len(), count);
        all.into_iter().collect()
    }

    #[test]
    fn a_device_is_fed_full_batches_however_many_threads_decode() {
        for jobs in [1, 3, 16] {
            let work = Sizes::new(1);
            assert_eq!(all(&work, 1000, 64, jobs), (0..1000).collect());
            // 900 need the network.
            assert_eq!(work.sorted_batches(), [vec![4], vec![64; 14]].concat());
        }
    }

    #[test]
    fn pictures_of_one_size_go_together_and_those_of_many_do_not_pile_up() {
        let work = Sizes::new(3);
        assert_eq!(all(&work, 600, 16, 4), (0..600).collect());
        let full = work.sorted_batches();
        let full = full.into_iter().filter(|size| *size == 16).count();
        assert_eq!(full, 540 / 3 / 16 * 3);
        let work = Sizes::new(500);
        assert_eq!(all(&work, 500, 16, 4), (0..500).collect());
        assert_eq!(work.sorted_batches(), vec![1; 450]);
    }

    #[test]
    fn on_a_cpu_each_goes_by_itself() {
        let work = Sizes::new(2);
        assert_eq!(all(&work, 100, 1, 3), (0..100).collect());
        assert_eq!(work.sorted_batches(), vec![1; 90]);
    }

    #[test]
    fn what_is_in_hand_when_it_is_stopped_still_arrives() {
        for (batch, jobs) in [(1, 1), (1, 4), (8, 1), (8, 4)] {
            let work = Sizes::new(1);
            let mut all = BTreeSet::new();
            work_through(&work, (100_000, batch), jobs, &mut |taken| {
                all.extend(taken);
                if all.len() >= 50 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
            .unwrap();
            let described: usize = work.sorted_batches().into_iter().sum();
            let known = all.iter().filter(|place| *place % 10 == 9).count();
            assert_eq!(described + known, all.len());
            assert!((50..2000).contains(&all.len()), "{}", all.len());
        }
    }

    /// Decodes for ever, until it is told to stop.
    struct Endless;

    impl Work for Endless {
        type Photo = ();
        type Taken = ();

        fn prepare(&self, _: usize, _: &Sender<()>) -> Option<()> {
            while !stop::is_asked() {
                thread::yield_now();
            }
            None
        }

        fn size((): &()) -> (usize, usize) {
            (1, 1)
        }

        fn describe(&self, _: Vec<()>, _: &Sender<()>) {}
    }

    #[test]
    fn a_decoder_that_never_ends_hears_that_it_is_to_stop() {
        let mut ticks = 0;
        work_through(&Endless, (8, 1), 2, &mut |taken| {
            assert!(taken.is_none());
            ticks += 1;
            ControlFlow::Break(())
        })
        .unwrap();
        assert!(ticks > 0);
    }

    /// One that no system gives.
    fn impossible() -> thread::Builder {
        thread::Builder::new().stack_size(1 << 46)
    }

    #[test]
    fn where_the_system_gives_no_thread_that_is_an_error_and_fewer_do_all_of_it() {
        for (batch, first_refused) in [(1, 0), (16, 0), (16, 1)] {
            let (work, mut asked) = (Sizes::new(1), 0);
            let mut thread = || {
                asked += 1;
                if asked > first_refused {
                    impossible()
                } else {
                    thread::Builder::new()
                }
            };
            let ended = work_in(&mut thread, &work, (100, batch), 4, &mut |_| {
                ControlFlow::Continue(())
            });
            assert!(matches!(ended, Err(NetworkError::NoThreads { .. })));
        }
        let (work, mut asked, mut taken) = (Sizes::new(1), 0, 0);
        let mut thread = || {
            asked += 1;
            if asked > 2 {
                impossible()
            } else {
                thread::Builder::new()
            }
        };
        let ended = work_in(&mut thread, &work, (100, 1), 4, &mut |one| {
            taken += usize::from(one.is_some());
            ControlFlow::Continue(())
        });
        assert!(ended.is_ok());
        assert_eq!(taken, 100);
    }
}
