//! Rows as 256 bytes whose products are in the order of the rows' cosines, nearly.

/// Values of a code.
pub const CODE: usize = 256;

/// A row along the axes, and the length of what they do not hold.
pub type Code = [i8; CODE];

/// How a row's values along the axes become a code.
///
/// An axis whose values are large (the first, along which all rows of a rectified network point) is
/// spread over several columns, each of 1/√columns of it: the products add up to the same, and the
/// others need not be rounded as coarsely as the largest would ask for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Columns {
    /// For each axis, the columns it is spread over.
    pub(super) of_axis: Vec<u32>,
    /// Code units of a length of 1.
    pub(super) scale: f32,
    /// Code units of the length of the rest: less, since the rests of two rows only partly agree.
    pub(super) rest_scale: f32,
}

/// The largest code value; −128 is left out so that a code's negative is one as well.
const LARGEST: f32 = 127.0;
/// Columns for axes; the last is the rest's.
pub(super) const COLUMNS: usize = CODE - 1;

impl Columns {
    /// For axes along which the values' magnitudes hardly ever exceed `largest` and whose mean squares
    /// are `energies`. The scale is the one whose error of rounding and of axes left out is least.
    pub(super) fn fit(largest: &[f32], energies: &[f32]) -> Self {
        let mut best: Option<(f32, Self)> = None;
        for scale in (0..60).map(|step| 60.0 * 1.08_f32.powi(step)) {
            let columns = Self::at_scale(scale, largest);
            let held = columns.of_axis.len();
            // Of two rows' roundings, each uniform over a unit, against a row of length 1.
            let rounded = 1.0 / (6.0 * scale * scale);
            let left_out: f32 = energies[held..].iter().map(|energy| energy * energy).sum();
            let error = rounded + left_out;
            if held > 0 && best.as_ref().is_none_or(|(least, _)| error < *least) {
                best = Some((error, columns));
            }
        }
        best.map_or_else(|| Self::at_scale(LARGEST, largest), |(_, columns)| columns)
    }

    /// Whether they fit a code, as those of a file may not.
    pub(super) fn is_sound(&self) -> bool {
        let columns = self.of_axis.iter().map(|columns| u64::from(*columns));
        let is_length = |scale: f32| scale.is_finite() && scale >= 0.0;
        let fits = columns.clone().sum::<u64>() <= COLUMNS as u64 && columns.min() >= Some(1);
        fits && self.scale > 0.0 && is_length(self.scale) && is_length(self.rest_scale)
    }

    fn at_scale(scale: f32, largest: &[f32]) -> Self {
        let mut left = COLUMNS;
        let mut of_axis = Vec::new();
        for largest in largest {
            let units = (largest * scale / LARGEST).min(COLUMNS as f32);
            let wanted = ((units * units).ceil() as usize).clamp(1, COLUMNS);
            if wanted > left {
                break;
            }
            left -= wanted;
            of_axis.push(wanted as u32);
        }
        Self {
            of_axis,
            scale,
            rest_scale: 0.0,
        }
    }

    /// The code of a row with such values along the axes, and a rest of such a length.
    pub(super) fn code(&self, values: &[f32], rest: f32) -> Code {
        let mut code = [0; CODE];
        let mut column = 0;
        for (value, &columns) in values.iter().zip(&self.of_axis) {
            let part = value * self.scale / (columns as f32).sqrt();
            // What one column's rounding lost, the next one makes good.
            let mut lost = 0.0;
            for place in &mut code[column..column + columns as usize] {
                let rounded = (part + lost).round().clamp(-LARGEST, LARGEST);
                lost = (part + lost - rounded).clamp(-1.0, 1.0);
                *place = rounded as i8;
            }
            column += columns as usize;
        }
        code[COLUMNS] = (rest * self.rest_scale).round().clamp(0.0, LARGEST) as i8;
        code
    }
}
