//! The coefficients of all blocks, for pictures whose blocks do not come one after the other, and the
//! way of every scan over them.

use super::super::stop;
use super::canvas::Canvas;
use super::colours::Colours;
use super::inverse::Inverse;
use super::layout::{Component, Layout};
use super::whole::Block;

/// The coefficients of one component.
pub struct Plane {
    /// Coefficients of each block that are kept, the first ones.
    pub kept: usize,
    /// Blocks in a row.
    width: usize,
    values: Vec<i16>,
    /// For each block the coefficients that are not zero.
    set: Vec<u64>,
}

/// What reads the blocks of a scan.
pub trait Coder {
    /// Goes on behind restart marker `number` modulo 8, or stays where it is if that is missing.
    fn restart(&mut self, number: usize);
    /// Whether there is nothing more in this interval.
    fn is_over(&self) -> bool;
    /// Reads a block of the scan's component `at`.
    fn block(&mut self, at: usize, values: &mut [i16], set: &mut u64);
    /// Whether all that was read since the last restart is what the file has, and can be right.
    fn is_sound(&mut self) -> bool;
}

impl Plane {
    /// For the first `kept` coefficients of each block.
    pub fn new(component: &Component, layout: &Layout, kept: usize) -> Self {
        let width = layout.units.0 * component.across;
        let blocks = width * layout.units.1 * component.down;
        Self {
            kept,
            width,
            values: vec![0; blocks * kept],
            set: vec![0; blocks],
        }
    }

    #[inline(always)]
    fn block(&mut self, row: usize, column: usize) -> Option<(&mut [i16], &mut u64)> {
        let block = row * self.width + column;
        let values = self
            .values
            .get_mut(block * self.kept..(block + 1) * self.kept)?;
        Some((values, self.set.get_mut(block)?))
    }
}

/// Reads the blocks of the components `of` in their order. The part of them that came, 0 … 1.
pub fn read(
    coder: &mut impl Coder,
    of: &[usize],
    layout: &Layout,
    interval: usize,
    planes: &mut [Plane],
) -> f64 {
    // A component alone has no blocks beyond the picture's, and each is a unit.
    let (columns, rows) = match of {
        [one] => layout.components[*one].covered,
        _ => layout.units,
    };
    let (mut until_restart, mut restarts, mut came) = (interval, 0, 0usize);
    for row in 0..rows {
        if stop::is_asked() {
            break;
        }
        for column in 0..columns {
            if interval > 0 && until_restart == 0 {
                coder.restart(restarts);
                restarts += 1;
                until_restart = interval;
            }
            until_restart = until_restart.wrapping_sub(1);
            if coder.is_over() {
                continue;
            }
            if let [one] = of {
                if let Some((values, set)) = planes[*one].block(row, column) {
                    coder.block(0, values, set);
                }
            } else {
                unit(coder, of, layout, (row, column), planes);
            }
            came += usize::from(coder.is_sound());
        }
    }
    came as f64 / (rows * columns).max(1) as f64
}

/// Reads the blocks of a unit of several components.
#[inline(always)]
fn unit(
    coder: &mut impl Coder,
    of: &[usize],
    layout: &Layout,
    (row, column): (usize, usize),
    planes: &mut [Plane],
) {
    for (at, component) in of.iter().enumerate() {
        let Component { across, down, .. } = layout.components[*component];
        for line in 0..down {
            for beside in 0..across {
                let (y, x) = (row * down + line, column * across + beside);
                if let Some((values, set)) = planes[*component].block(y, x) {
                    coder.block(at, values, set);
                }
            }
        }
    }
}

/// Turns the coefficients into pixels.
pub fn finish(
    planes: &[Plane],
    inverses: &[Inverse],
    layout: &Layout,
    colours: Colours,
) -> Vec<u8> {
    let mut canvas = Canvas::new(layout, colours);
    let mut block: Block = [0; 64];
    for unit_row in 0..layout.units.1 {
        if stop::is_asked() {
            break;
        }
        let parts = planes.iter().zip(&layout.components).zip(inverses);
        for (((plane, component), inverse), pixels) in parts.zip(&mut canvas.planes) {
            for line in 0..component.down {
                let first = (unit_row * component.down + line) * plane.width;
                let top = pixels.from + line * inverse.size.1 * pixels.stride;
                for column in 0..plane.width {
                    let from = (first + column) * plane.kept;
                    let values = &plane.values[from..from + plane.kept];
                    for (value, kept) in block.iter_mut().zip(values) {
                        *value = i32::from(*kept);
                    }
                    let set = plane.set[first + column] & (u64::MAX >> (64 - plane.kept));
                    let end = 63 - (set | 1).leading_zeros() as usize;
                    let at = top + column * inverse.size.0;
                    inverse.write(&block, end, &mut pixels.pixels, at, pixels.stride);
                }
            }
        }
        canvas.finish_units();
    }
    canvas.into_pixels()
}
