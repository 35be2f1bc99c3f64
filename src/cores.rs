//! The machine's cores, shared out among all that call at once: never more threads at work than
//! there are cores, however many callers. More would spin while they wait for each other.

use std::cell::Cell;
use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a thread that gives its core back and comes again at once may go before those that wait:
/// its memory is still in the cache, and waking another for each photo costs a sixth of them.
const TURN: Duration = Duration::from_millis(100);

thread_local! {
    /// Whether this thread has a core already, which it keeps for what it calls.
    static HAS_ONE: Cell<bool> = const { Cell::new(false) };
    /// When its turn began.
    static TURN_BEGAN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Some cores, and who waits for one.
pub struct Cores {
    state: Mutex<State>,
}

struct State {
    free: usize,
    /// Who came first is served first.
    waiting: VecDeque<Waiting>,
}

/// A caller that waits.
struct Waiting {
    bell: Arc<Condvar>,
    /// Whether it was told that a core is free, and has not looked yet.
    is_called: bool,
}

/// Cores that a caller has until it drops them. It stays in the thread that took it.
pub struct Share<'a> {
    cores: &'a Cores,
    /// Cores that go back at the end.
    taken: usize,
    /// Whether one of them is the thread's own.
    is_first: bool,
    /// What it says about this thread holds for no other one.
    _stays: std::marker::PhantomData<*const ()>,
}

impl Cores {
    /// So many.
    pub const fn new(count: usize) -> Self {
        Self {
            state: Mutex::new(State {
                free: count,
                waiting: VecDeque::new(),
            }),
        }
    }

    /// Those of this machine.
    pub fn of_machine() -> &'static Self {
        static CORES: LazyLock<Cores> = LazyLock::new(|| {
            Cores::new(thread::available_parallelism().map_or(1, std::num::NonZero::get))
        });
        &CORES
    }

    /// Takes one core at least, when there is one, and as many as `most` while no one else waits.
    /// A thread that has a share does not wait: it takes what is left over besides.
    pub fn take(&self, most: usize) -> Share<'_> {
        let is_first = !HAS_ONE.get();
        let taken = if is_first {
            let taken = self.wait_for(most.max(1));
            HAS_ONE.set(true);
            taken
        } else {
            self.left_over(most.max(1) - 1)
        };
        Share {
            cores: self,
            taken,
            is_first,
            _stays: std::marker::PhantomData,
        }
    }

    fn wait_for(&self, most: usize) -> usize {
        let is_in_turn = TURN_BEGAN.get().is_some_and(|began| began.elapsed() < TURN);
        let mut state = self.state();
        if state.free > 0 && (is_in_turn || state.waiting.is_empty()) {
            if !is_in_turn {
                TURN_BEGAN.set(Some(Instant::now()));
            }
            return state.take(most);
        }
        let bell = Arc::new(Condvar::new());
        state.waiting.push_back(Waiting {
            bell: Arc::clone(&bell),
            is_called: false,
        });
        loop {
            state = bell.wait(state).unwrap_or_else(PoisonError::into_inner);
            let own = |waiting: &&mut Waiting| Arc::ptr_eq(&waiting.bell, &bell);
            let is_called = match state.waiting.iter_mut().find(own) {
                Some(waiting) => mem::take(&mut waiting.is_called),
                None => false,
            };
            if state.free > 0 && is_called {
                state
                    .waiting
                    .retain(|other| !Arc::ptr_eq(&other.bell, &bell));
                TURN_BEGAN.set(Some(Instant::now()));
                return state.take(most);
            }
        }
    }

    fn left_over(&self, most: usize) -> usize {
        let mut state = self.state();
        if !state.waiting.is_empty() {
            return 0;
        }
        let taken = most.min(state.free);
        state.free -= taken;
        taken
    }

    fn give_back(&self, count: usize) {
        let mut state = self.state();
        state.free += count;
        let free = state.free;
        for waiting in state.waiting.iter_mut().take(free) {
            if !waiting.is_called {
                waiting.is_called = true;
                waiting.bell.notify_one();
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// One core, or as many as `most` while no one else waits for them.
    fn take(&mut self, most: usize) -> usize {
        let most = if self.waiting.is_empty() { most } else { 1 };
        let taken = most.min(self.free);
        self.free -= taken;
        taken
    }
}

impl Share<'_> {
    /// Threads that may be at work for it.
    pub const fn threads(&self) -> usize {
        if self.is_first {
            self.taken
        } else {
            self.taken + 1
        }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if self.is_first {
            HAS_ONE.set(false);
        }
        self.cores.give_back(self.taken);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn never_more_are_at_work_than_there_are_cores_and_all_get_their_turn() {
        let cores = Cores::new(3);
        let (at_work, most, done) = (
            AtomicUsize::new(0),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for wanted in 1..40 {
                        let share = cores.take(wanted % 5);
                        let threads = share.threads();
                        assert!(threads >= 1 && threads <= (wanted % 5).max(1));
                        let now = at_work.fetch_add(threads, Ordering::SeqCst) + threads;
                        most.fetch_max(now, Ordering::SeqCst);
                        thread::yield_now();
                        at_work.fetch_sub(threads, Ordering::SeqCst);
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(done.into_inner(), 16 * 39);
        assert!((2..=3).contains(&most.into_inner()));
        assert_eq!(cores.take(9).threads(), 3);
    }

    #[test]
    fn a_thread_that_has_a_core_takes_what_is_left_over_and_never_waits() {
        let cores = Cores::new(2);
        let own = cores.take(1);
        assert_eq!(own.threads(), 1);
        let more = cores.take(8);
        assert_eq!(more.threads(), 2);
        assert_eq!(cores.take(8).threads(), 1);
        drop(more);
        let other = thread::scope(|scope| scope.spawn(|| cores.take(2).threads()).join());
        assert_eq!(other.unwrap(), 1);
        drop(own);
        assert_eq!(cores.take(2).threads(), 2);
    }
}
