//! Which numbers are black and white where the file does not say: signed, long and floating ones.
//!
//! The rule: black is 0, and white is the first of a few usual numbers that all but one in a hundred of
//! the samples stay below. Of floating ones 1 (what most programs write), 255 (as Pillow shows them)
//! and 65535; of whole ones 255 (as Pillow shows them), 65535 and the largest that there is. Where more
//! than one in a hundred are below 0, signed whole numbers go from their least to their largest. Where
//! none of it fits, the least sample is black and the largest white. What is outside is cut off there.

use super::layout::Numbers;

/// The samples that are black and white.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub black: f32,
    pub white: f32,
}

impl Range {
    /// Of these samples, of `bits` bits each.
    pub fn of(numbers: Numbers, bits: usize, samples: impl Iterator<Item = f32>) -> Self {
        let largest = match numbers {
            Numbers::Signed => 2_f32.powi(bits as i32 - 1) - 1.0,
            _ => 2_f32.powi(bits as i32) - 1.0,
        };
        let whites: &[f32] = match (numbers, bits) {
            (Numbers::Float, _) => &[1.0, 255.0, 65535.0],
            (_, ..=8) => &[largest],
            (_, ..=16) => &[255.0, largest],
            _ => &[255.0, 65535.0, largest],
        };
        let finite = samples.filter(|value| value.is_finite());
        let (mut count, mut below) = (0_usize, 0_usize);
        let mut above = [0_usize; 3];
        let (mut least, mut most) = (f32::INFINITY, f32::NEG_INFINITY);
        for value in finite {
            count += 1;
            below += usize::from(value < 0.0);
            for (above, white) in above.iter_mut().zip(whites) {
                *above += usize::from(value > *white);
            }
            (least, most) = (least.min(value), most.max(value));
        }
        let few = count / 100;
        let fits = above.iter().zip(whites).find(|(above, _)| **above <= few);
        match fits {
            _ if below > few && numbers == Numbers::Signed => Self {
                black: -largest - 1.0,
                white: largest,
            },
            Some((_, white)) if below <= few => Self {
                black: 0.0,
                white: *white,
            },
            _ if most > least => Self {
                black: least,
                white: most,
            },
            _ => Self {
                black: 0.0,
                white: 1.0,
            },
        }
    }

    /// The sample as a number of 16 bits.
    pub fn sixteen(self, value: f32) -> u16 {
        // What is no number is black.
        ((value - self.black) / (self.white - self.black) * 65535.0 + 0.5) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn white(numbers: Numbers, bits: usize, samples: &[f32]) -> (f32, f32) {
        let range = Range::of(numbers, bits, samples.iter().copied());
        (range.black, range.white)
    }

    #[test]
    fn white_is_the_first_usual_number_that_fits() {
        assert_eq!(white(Numbers::Float, 32, &[0.0, 0.4, 1.0]), (0.0, 1.0));
        assert_eq!(white(Numbers::Float, 32, &[0.0, 254.0]), (0.0, 255.0));
        assert_eq!(white(Numbers::Float, 32, &[0.0, 60_000.0]), (0.0, 65535.0));
        assert_eq!(white(Numbers::Float, 32, &[-3.0, 1e9]), (-3.0, 1e9));
        assert_eq!(white(Numbers::Signed, 16, &[0.0, 30_000.0]), (0.0, 32767.0));
        assert_eq!(
            white(Numbers::Signed, 16, &[-9.0, 9.0]),
            (-32768.0, 32767.0)
        );
        assert_eq!(white(Numbers::Unsigned, 32, &[9.0, 255.0]), (0.0, 255.0));
        assert!(white(Numbers::Unsigned, 32, &[9.0, 4e9]).0.abs() < f32::EPSILON);
    }

    #[test]
    fn a_few_that_are_brighter_are_cut_off() {
        let mut samples = vec![0.5; 1000];
        samples[7] = 3.0;
        assert_eq!(white(Numbers::Float, 32, &samples), (0.0, 1.0));
        let range = Range {
            black: 0.0,
            white: 1.0,
        };
        assert_eq!(
            [-1.0, 0.0, 1.0, 3.0, f32::NAN].map(|value| range.sixteen(value)),
            [0, 0, 65535, 65535, 0]
        );
    }

    #[test]
    fn samples_that_are_no_numbers_and_none_at_all_have_a_range() {
        assert_eq!(
            white(Numbers::Float, 32, &[f32::NAN, f32::INFINITY]),
            (0.0, 1.0)
        );
        assert_eq!(white(Numbers::Float, 32, &[]), (0.0, 1.0));
    }
}
