//! Sets of rows, for searches among some of them.

/// Which of some rows are meant: one bit for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowSet {
    words: Vec<u64>,
    len: usize,
}

impl RowSet {
    /// None of `rows` rows.
    #[must_use]
    pub fn none(rows: usize) -> Self {
        Self {
            words: vec![0; rows.div_ceil(64)],
            len: 0,
        }
    }

    /// Adds a row; one beyond those the set was made for is left out.
    pub fn insert(&mut self, row: u32) {
        if let Some(word) = self.words.get_mut(row as usize / 64) {
            let bit = 1 << (row % 64);
            self.len += usize::from(*word & bit == 0);
            *word |= bit;
        }
    }

    /// Whether a row is among them.
    #[must_use]
    #[inline]
    pub fn contains(&self, row: u32) -> bool {
        let word = self.words.get(row as usize / 64);
        word.is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// At most so many rows from all over them.
    pub(super) fn spread(&self, most: usize) -> impl Iterator<Item = u32> {
        let step = self.words.len().div_ceil(most.max(1)).max(1);
        let parts = self.words.chunks(step).enumerate();
        parts.filter_map(move |(part, words)| {
            let place = words.iter().position(|word| *word != 0)?;
            let row = (part * step + place) * 64;
            Some(row as u32 + words[place].trailing_zeros())
        })
    }

    /// The rows in their order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.words.iter().enumerate().flat_map(|(place, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                (left != 0).then(|| {
                    let bit = left.trailing_zeros();
                    left &= left - 1;
                    place as u32 * 64 + bit
                })
            })
        })
    }
}
