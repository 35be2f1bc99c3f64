//! The regions of R-MAC.

/// Levels of R-MAC's regions.
const RMAC_LEVELS: usize = 3;

/// R-MAC's regions: for each level its side, and the tops and lefts of its squares.
pub fn regions(height: usize, width: usize) -> Vec<(usize, Vec<usize>, Vec<usize>)> {
    let short = height.min(width);
    let (more_rows, more_columns) = steps_along(height, width);
    let level = |level: usize| {
        let side = 2 * short / (level + 1);
        let places = |size: usize, more: usize| {
            let squares = level + more;
            let room = (size.saturating_sub(side)) as f64;
            let gap = if squares > 1 {
                room / (squares - 1) as f64
            } else {
                0.0
            };
            let half = (side / 2).saturating_sub(1) as f64;
            let place = |index: usize| {
                let centre = (half + index as f64 * gap).floor() - half;
                (centre as usize).min(size - side)
            };
            (0..squares).map(place).collect::<Vec<_>>()
        };
        (side, places(height, more_rows), places(width, more_columns))
    };
    (1..=RMAC_LEVELS)
        .map(level)
        .filter(|(side, ..)| *side > 0)
        .collect()
}

/// How many squares more fit along the longer side so that neighbours overlap by about 40 %.
fn steps_along(height: usize, width: usize) -> (usize, usize) {
    let (short, long) = (height.min(width) as f64, height.max(width) as f64);
    let overlap = |steps: usize| {
        let gap = (long - short) / steps as f64;
        (0.4 - (short * short - short * gap) / (short * short)).abs()
    };
    // Compares the overlaps of 2 to 7 squares along the long side; the first best wins.
    let best = (1..7).fold(1, |best, steps| {
        if overlap(steps) < overlap(best) {
            steps
        } else {
            best
        }
    });
    match height.cmp(&width) {
        std::cmp::Ordering::Less => (0, best),
        std::cmp::Ordering::Equal => (0, 0),
        std::cmp::Ordering::Greater => (best, 0),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::*;
    use crate::descriptor::Pooling;

    #[test]
    fn rmac_regions_lie_within_the_map() {
        for (height, width) in [(1, 1), (1, 9), (7, 7), (7, 12), (14, 5), (3, 2)] {
            for (side, tops, lefts) in regions(height, width) {
                assert!(
                    tops.iter().all(|top| top + side <= height),
                    "{height}×{width}"
                );
                assert!(
                    lefts.iter().all(|left| left + side <= width),
                    "{height}×{width}"
                );
            }
            assert!(
                Pooling::RMac
                    .pool(&Tensor::ones((1, 2, height, width), DType::F32, &Device::Cpu).unwrap())
                    .is_ok()
            );
        }
    }
}
