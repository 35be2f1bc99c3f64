//! Whether a picture lies over itself somewhere else, as what repeats does: that another one lies over it
//! then says little.

use super::grey::Grey;
use super::placing::{Placing, VIEWS};

/// The longer side at which it is looked for.
const SIZE: usize = 128;
/// Pixels that are at least between what repeats: nearer ones are alike in any picture.
const NEAR: i32 = 8;
/// The part of the picture that lies over itself at least.
const COVERED: f32 = 0.65;
/// Every so manieth pixel of every so manieth row is looked at.
const STEP: usize = 4;
/// Correlation from which on a place is worth a closer look.
const ALIKE: f32 = 0.5;

/// Where it lies over itself best, by its details at a small size; nothing where it is alike nowhere.
pub fn elsewhere(picture: &Grey) -> Option<Placing> {
    let small = picture.within(SIZE);
    let detail = small.detail((SIZE / 16).max(2));
    let (width, height) = (small.width as i32, small.height as i32);
    let mut best: Option<(f32, (i32, i32))> = None;
    // Half of the plane: the other half is the same seen from the other side.
    for down in 0..height {
        for right in -width..width {
            let is_near = right.abs().max(down) < NEAR || (down == 0 && right < 0);
            let covered = (width - right.abs()) as f32 * (height - down) as f32;
            if is_near || covered < COVERED * (width * height) as f32 {
                continue;
            }
            let alike = alike(&detail, (right, down));
            if best.is_none_or(|best| alike > best.0) {
                best = Some((alike, (right, down)));
            }
        }
    }
    let (_, (right, down)) = best.filter(|it| it.0 >= ALIKE)?;
    Some(Placing {
        matrix: VIEWS[0],
        shift: [right as f32 / width as f32, down as f32 / height as f32],
    })
}

/// How alike two parts of details are that are so far from each other.
fn alike(detail: &Grey, (right, down): (i32, i32)) -> f32 {
    let width = detail.width;
    let columns = right.max(0) as usize..(width as i32 + right.min(0)) as usize;
    let mut sums = [0.0_f32; 3];
    for row in (0..detail.height - down as usize).step_by(STEP) {
        let (there, here) = (
            &detail.values[(row + down as usize) * width..][..width],
            &detail.values[row * width..][..width],
        );
        for column in columns.clone().step_by(STEP) {
            let (a, b) = (there[column], here[(column as i32 - right) as usize]);
            sums[0] += a * b;
            sums[1] += a * a;
            sums[2] += b * b;
        }
    }
    sums[0] / (sums[1] * sums[2]).sqrt().max(1e-6)
}
