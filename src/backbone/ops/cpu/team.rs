//! Threads that work on one picture together.
//!
//! All members of a team run the same list of steps and meet at the end of each, so that a step
//! costs a few hundred nanoseconds of waiting, where handing it over to a pool costs microseconds.

use std::hint;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// Looks at a flag before the thread lets another one run.
const LOOKS: usize = 1 << 12;

/// What the members of a team share.
#[derive(Default)]
struct Shared {
    next_job: AtomicUsize,
    arrived: AtomicUsize,
    meetings: AtomicUsize,
    broken: AtomicBool,
}

/// One thread of a team.
pub struct Member<'a> {
    shared: Option<&'a Shared>,
    /// Its number in the team.
    pub index: usize,
    /// How many there are.
    pub count: usize,
}

impl Member<'_> {
    /// A team of one.
    pub const ALONE: Self = Self {
        shared: None,
        index: 0,
        count: 1,
    };

    /// Does the jobs 0 … `jobs` together with the others, each member those it gets hold of, and
    /// returns when all are done. All members call it, in the same order, with equal `jobs`.
    pub fn share(&self, jobs: usize, mut job: impl FnMut(usize)) {
        let Some(shared) = self.shared else {
            (0..jobs).for_each(job);
            return;
        };
        loop {
            let next = shared.next_job.fetch_add(1, Ordering::Relaxed);
            if next >= jobs {
                break;
            }
            job(next);
        }
        shared.meet(self.count);
    }
}

impl Shared {
    /// Waits until all are here. The last to come lets the others go.
    fn meet(&self, count: usize) {
        let meeting = self.meetings.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == count {
            self.arrived.store(0, Ordering::Relaxed);
            self.next_job.store(0, Ordering::Relaxed);
            self.meetings.store(meeting + 1, Ordering::Release);
            return;
        }
        let mut looks = 0;
        while self.meetings.load(Ordering::Acquire) == meeting {
            assert!(
                !self.broken.load(Ordering::Relaxed),
                "another member of the team panicked"
            );
            looks += 1;
            if looks % LOOKS == 0 {
                thread::yield_now();
            } else {
                hint::spin_loop();
            }
        }
    }
}

/// Tells the others when its member panics: they would wait for it forever.
struct Watch<'a>(&'a Shared);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.broken.store(true, Ordering::Relaxed);
        }
    }
}

/// Runs `work` once in each of `count` threads, this one among them.
pub fn together(count: usize, work: impl Fn(&Member) + Sync) {
    if count <= 1 {
        work(&Member::ALONE);
        return;
    }
    let shared = Shared::default();
    let run = |index| {
        let _watch = Watch(&shared);
        work(&Member {
            shared: Some(&shared),
            index,
            count,
        });
    };
    thread::scope(|scope| {
        for index in 1..count {
            scope.spawn(move || run(index));
        }
        run(0);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_done_once_and_before_the_next_step() {
        let done: Vec<AtomicUsize> = (0..100).map(|_| AtomicUsize::new(0)).collect();
        together(3, |member| {
            for round in 0..50 {
                member.share(done.len(), |job| {
                    let before = done[job].fetch_add(1, Ordering::Relaxed);
                    assert_eq!(before, round);
                });
            }
        });
        assert!(done.iter().all(|d| d.load(Ordering::Relaxed) == 50));
    }

    #[test]
    fn a_panic_ends_the_team_instead_of_hanging_it() {
        let result = std::panic::catch_unwind(|| {
            together(2, |member| {
                member.share(2, |job| assert!(job != 1, "this one fails"));
                member.share(2, |_| {});
            });
        });
        assert!(result.is_err());
    }
}
