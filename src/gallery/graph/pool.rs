//! The best rows that a walk has found so far.

/// A row with its product, ordered by the product, of equals the lower row as the greater.
///
/// Product, row and whether the walk has been there, in one number: pools are sorted by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry(u64);

/// Products of codes are within ±2²².
const OFFSET: i32 = 1 << 24;

impl Entry {
    #[inline]
    pub(super) fn new(dot: i32, row: u32) -> Self {
        Self(((dot + OFFSET) as u64) << 33 | u64::from(!row) << 1)
    }

    #[inline]
    pub(super) const fn dot(self) -> i32 {
        (self.0 >> 33) as i32 - OFFSET
    }

    #[inline]
    pub(super) const fn row(self) -> u32 {
        !((self.0 >> 1) as u32)
    }
}

/// The best entries, the best first, and how far a walk has come with them.
#[derive(Debug, Default)]
pub(super) struct Pool {
    entries: Vec<Entry>,
    most: usize,
    /// The walk has been at all before this one.
    next: usize,
}

impl Pool {
    /// Empties it, and lets it hold so many from now on.
    pub(super) fn begin(&mut self, most: usize) {
        self.entries.clear();
        self.most = most.max(1);
        self.next = 0;
    }

    /// Lets it hold so many from now on, the best of those that it holds, where no walk has been yet.
    pub(super) fn begin_again(&mut self, most: usize) {
        self.most = most.max(1);
        self.entries.truncate(self.most);
        for entry in &mut self.entries {
            entry.0 &= !1;
        }
        self.next = 0;
    }

    /// Keeps an entry if it is among the best; says whether.
    #[inline]
    pub(super) fn keep(&mut self, entry: Entry) -> bool {
        if self.entries.len() >= self.most {
            if self.entries.last().is_some_and(|last| *last >= entry) {
                return false;
            }
            self.entries.pop();
        }
        let place = self.entries.partition_point(|kept| *kept > entry);
        self.entries.insert(place, entry);
        self.next = self.next.min(place);
        true
    }

    /// The best row where the walk has not been yet; now it has.
    #[inline]
    pub(super) fn visit(&mut self) -> Option<u32> {
        let entry = self.entries.get_mut(self.next)?;
        let row = entry.row();
        entry.0 |= 1;
        self.next += 1;
        while self
            .entries
            .get(self.next)
            .is_some_and(|entry| entry.0 & 1 == 1)
        {
            self.next += 1;
        }
        Some(row)
    }

    /// The row that [`visit`](Self::visit) would return next.
    #[inline]
    pub(super) fn upcoming(&self) -> Option<u32> {
        self.entries.get(self.next).map(|entry| entry.row())
    }

    /// The worst kept, once no more are kept than can be.
    #[inline]
    pub(super) fn worst(&self) -> Option<Entry> {
        if self.entries.len() < self.most {
            None
        } else {
            self.entries.last().copied()
        }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }
}
