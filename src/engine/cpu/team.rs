//! Threads that work on one picture together.
//!
//! All members of a team run the same list of steps and meet at the end of each, so that a step
//! costs a few hundred nanoseconds of waiting, where handing it over to a pool costs microseconds.

use std::hint;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

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
        watch_for(|| {
            let is_broken = self.broken.load(Ordering::Relaxed);
            assert!(!is_broken, "another member of the team panicked");
            self.meetings.load(Ordering::Acquire) != meeting
        });
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

/// Threads that wait for work. For a moment after it they watch for more, since the next picture
/// often follows at once and waking them takes as long as a layer; then they sleep.
#[derive(Default)]
pub struct Team {
    workers: Vec<Worker>,
}

/// A thread of a team, and what it and its team tell each other.
struct Worker {
    post: Arc<Post>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Post {
    /// Counts the tasks given.
    given: AtomicUsize,
    /// Counts the tasks done.
    done: AtomicUsize,
    task: Mutex<Option<Task>>,
    is_over: AtomicBool,
    has_panicked: AtomicBool,
}

/// Work that lives at least until it is done: [`Team::run`] waits for that.
#[derive(Clone, Copy)]
struct Task(&'static (dyn Fn(usize) + Sync));

impl Team {
    /// Runs `work` once in each of `count` threads, this one among them, or in as many as there are.
    pub fn run(&mut self, count: usize, work: impl Fn(&Member) + Sync) {
        // Where the system refuses a thread, fewer do the work.
        while self.workers.len() + 1 < count
            && let Ok(worker) = Worker::hire(self.workers.len() + 1)
        {
            self.workers.push(worker);
        }
        let count = count.min(self.workers.len() + 1);
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
        let task: &(dyn Fn(usize) + Sync) = &run;
        // SAFETY: only the lifetime changes, and `given` waits for the workers before it ends, be
        // it by a panic.
        let task = unsafe {
            std::mem::transmute::<&(dyn Fn(usize) + Sync), &'static (dyn Fn(usize) + Sync)>(task)
        };
        let given = Given::to(&self.workers[..count - 1], Task(task));
        run(0);
        drop(given);
        let panicked = |worker: &Worker| worker.post.has_panicked.swap(false, Ordering::Relaxed);
        let panicked = self
            .workers
            .iter()
            .filter(|worker| panicked(worker))
            .count();
        assert!(panicked == 0, "a member of the team panicked");
    }
}

/// A task that workers are at.
struct Given<'a>(&'a [Worker]);

impl<'a> Given<'a> {
    fn to(workers: &'a [Worker], task: Task) -> Self {
        for Worker { post, thread } in workers {
            if let Ok(mut place) = post.task.lock() {
                *place = Some(task);
            }
            post.given.fetch_add(1, Ordering::Release);
            if let Some(thread) = thread {
                thread.thread().unpark();
            }
        }
        Self(workers)
    }
}

impl Drop for Given<'_> {
    fn drop(&mut self) {
        for Worker { post, .. } in self.0 {
            let given = post.given.load(Ordering::Relaxed);
            watch_for(|| post.done.load(Ordering::Acquire) == given);
        }
    }
}

impl Worker {
    /// Starts the thread with this number.
    fn hire(index: usize) -> io::Result<Self> {
        let post = Arc::new(Post::default());
        let thread = thread::Builder::new().spawn({
            let post = Arc::clone(&post);
            move || post.work(index)
        })?;
        Ok(Self {
            post,
            thread: Some(thread),
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.post.is_over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // Panics have been reported by the run that they ended.
            let _ = thread.join();
        }
    }
}

impl Post {
    fn work(&self, index: usize) {
        let mut done = 0;
        loop {
            self.wait_for_more_than(done);
            if self.is_over.load(Ordering::Acquire) {
                return;
            }
            let task = self.task.lock().ok().and_then(|mut task| task.take());
            if let Some(Task(run)) = task {
                let outcome = panic::catch_unwind(AssertUnwindSafe(|| run(index)));
                self.has_panicked.store(outcome.is_err(), Ordering::Relaxed);
            }
            done += 1;
            self.done.store(done, Ordering::Release);
        }
    }

    fn wait_for_more_than(&self, done: usize) {
        let is_there =
            || self.given.load(Ordering::Acquire) > done || self.is_over.load(Ordering::Acquire);
        for _ in 0..LOOKS {
            if is_there() {
                return;
            }
            hint::spin_loop();
        }
        while !is_there() {
            thread::park();
        }
    }
}

/// Returns when `is_so`.
fn watch_for(is_so: impl Fn() -> bool) {
    let mut looks = 0;
    while !is_so() {
        looks += 1;
        if looks % LOOKS == 0 {
            thread::yield_now();
        } else {
            hint::spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn together(count: usize, work: impl Fn(&Member) + Sync) {
        Team::default().run(count, work);
    }

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
    fn a_team_works_again_after_it_has_slept_and_after_a_panic() {
        let mut team = Team::default();
        for round in 0..3 {
            for count in [2, 4, 1, 3] {
                let sum = AtomicUsize::new(0);
                team.run(count, |member| {
                    sum.fetch_add(member.index + 1, Ordering::Relaxed);
                    member.share(10, |job| {
                        sum.fetch_add(job, Ordering::Relaxed);
                    });
                });
                assert_eq!(sum.load(Ordering::Relaxed), count * (count + 1) / 2 + 45);
            }
            thread::sleep(std::time::Duration::from_millis(20 * round));
            let failed = panic::catch_unwind(AssertUnwindSafe(|| {
                team.run(3, |member| assert!(member.index != 2, "this one fails"));
            }));
            assert!(failed.is_err());
        }
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
