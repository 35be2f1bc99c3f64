//! The products of floats, written once over [`Lanes`] and compiled for every instruction set.

/// A register of floats.
pub(super) trait Lanes: Copy {
    /// How many.
    const COUNT: usize;

    /// # Safety
    /// The machine has the instruction set, here as in all that follow.
    unsafe fn zero() -> Self;

    /// # Safety
    /// So many floats can be read there; any alignment will do.
    unsafe fn of_floats(from: *const f32) -> Self;

    /// # Safety
    /// So many i16 can be read there; any alignment will do.
    unsafe fn of_shorts(from: *const i16) -> Self;

    /// # Safety
    /// As of [`zero`](Self::zero).
    unsafe fn plus_product(self, a: Self, b: Self) -> Self;

    /// # Safety
    /// As of [`zero`](Self::zero).
    unsafe fn sum(self) -> f32;
}

/// What a row may consist of.
pub(super) trait Element: Copy {
    /// # Safety
    /// As many as there are lanes can be read there.
    unsafe fn load<L: Lanes>(from: *const Self) -> L;

    fn value(self) -> f32;
}

impl Element for f32 {
    #[inline(always)]
    unsafe fn load<L: Lanes>(from: *const Self) -> L {
        // SAFETY: the caller's promise is the callee's.
        unsafe { L::of_floats(from) }
    }

    #[inline(always)]
    fn value(self) -> f32 {
        self
    }
}

impl Element for i16 {
    #[inline(always)]
    unsafe fn load<L: Lanes>(from: *const Self) -> L {
        // SAFETY: the caller's promise is the callee's.
        unsafe { L::of_shorts(from) }
    }

    #[inline(always)]
    fn value(self) -> f32 {
        f32::from(self)
    }
}

/// Σ row·query over as many values as both have.
///
/// # Safety
/// The machine has the instruction set.
#[inline(always)]
pub(super) unsafe fn dot<L: Lanes, E: Element>(row: &[E], query: &[f32]) -> f32 {
    const AT_ONCE: usize = 4;
    let count = row.len().min(query.len());
    let (a, b) = (row.as_ptr(), query.as_ptr());
    let mut at = 0;
    // SAFETY: every load ends at `count` or before it.
    unsafe {
        let mut sums = [L::zero(); AT_ONCE];
        while at + AT_ONCE * L::COUNT <= count {
            for (part, sum) in sums.iter_mut().enumerate() {
                let from = at + part * L::COUNT;
                *sum = sum.plus_product(E::load(a.add(from)), L::of_floats(b.add(from)));
            }
            at += AT_ONCE * L::COUNT;
        }
        while at + L::COUNT <= count {
            sums[0] = sums[0].plus_product(E::load(a.add(at)), L::of_floats(b.add(at)));
            at += L::COUNT;
        }
        let whole: f32 = sums.map(|sum| sum.sum()).iter().sum();
        whole + rest(&row[at..count], &query[at..count])
    }
}

#[inline(always)]
fn rest<E: Element>(row: &[E], query: &[f32]) -> f32 {
    let products = row.iter().zip(query).map(|(a, b)| a.value() * b);
    products.sum()
}

/// Values of a row taken at once: four rows and a panel of others stay in the nearer caches.
const DEPTH: usize = 512;

/// Adds the dot product of every row with every other to `into` `[rows, others]`; both have
/// `dimension` values a row.
///
/// # Safety
/// The machine has the instruction set; `into` has a place for each product.
#[inline(always)]
pub(super) unsafe fn many<L: Lanes, E: Element, const ROWS: usize, const OTHERS: usize>(
    rows: &[E],
    others: &[f32],
    dimension: usize,
    into: &mut [f32],
) {
    let (count, width) = (rows.len() / dimension, others.len() / dimension);
    for start in (0..dimension).step_by(DEPTH) {
        let depth = DEPTH.min(dimension - start);
        let panel = Panel {
            dimension,
            start,
            depth,
        };
        for row in (0..count).step_by(ROWS) {
            for other in (0..width).step_by(OTHERS) {
                let is_whole = row + ROWS <= count && other + OTHERS <= width;
                let (down, across) = (ROWS.min(count - row), OTHERS.min(width - other));
                // SAFETY: the tile's rows and others exist.
                unsafe {
                    if is_whole {
                        let tile = panel.tile::<L, E, ROWS, OTHERS>(rows, row, others, other);
                        for (r, sums) in tile.iter().enumerate() {
                            let to = (row + r) * width + other;
                            for (to, sum) in into[to..to + OTHERS].iter_mut().zip(sums) {
                                *to += sum;
                            }
                        }
                        continue;
                    }
                    for (r, o) in (0..down * across).map(|i| (row + i / across, other + i % across))
                    {
                        let tile = panel.tile::<L, E, 1, 1>(rows, r, others, o);
                        into[r * width + o] += tile[0][0];
                    }
                }
            }
        }
    }
}

/// Some columns of rows that lie one after another.
struct Panel {
    dimension: usize,
    start: usize,
    depth: usize,
}

impl Panel {
    /// # Safety
    /// The machine has the instruction set; there are the rows `row..row + ROWS` and the same of others.
    #[inline(always)]
    unsafe fn tile<L: Lanes, E: Element, const ROWS: usize, const OTHERS: usize>(
        &self,
        rows: &[E],
        row: usize,
        others: &[f32],
        other: usize,
    ) -> [[f32; OTHERS]; ROWS] {
        let whole = self.depth / L::COUNT * L::COUNT;
        let row_at = |r: usize| (row + r) * self.dimension + self.start;
        let other_at = |o: usize| (other + o) * self.dimension + self.start;
        let mut result = [[0.0; OTHERS]; ROWS];
        // SAFETY: the caller says that these rows exist, and columns end at `depth`.
        unsafe {
            let a: [*const E; ROWS] = std::array::from_fn(|r| rows.as_ptr().add(row_at(r)));
            let b: [*const f32; OTHERS] = std::array::from_fn(|o| others.as_ptr().add(other_at(o)));
            let mut sums = [[L::zero(); OTHERS]; ROWS];
            for at in (0..whole).step_by(L::COUNT) {
                let mut of_others = [L::zero(); OTHERS];
                for (lanes, from) in of_others.iter_mut().zip(b) {
                    *lanes = L::of_floats(from.add(at));
                }
                for (sums, from) in sums.iter_mut().zip(a) {
                    let of_row = E::load::<L>(from.add(at));
                    for (sum, of_other) in sums.iter_mut().zip(of_others) {
                        *sum = sum.plus_product(of_row, of_other);
                    }
                }
            }
            for (r, (result, sums)) in result.iter_mut().zip(sums).enumerate() {
                for (o, (result, sum)) in result.iter_mut().zip(sums).enumerate() {
                    let (from, other_from) = (row_at(r) + whole, other_at(o) + whole);
                    let left = self.depth - whole;
                    let end = rest(
                        &rows[from..from + left],
                        &others[other_from..other_from + left],
                    );
                    *result = sum.sum() + end;
                }
            }
        }
        result
    }
}
