//! Luma and chroma planes, as a decoder gives them, to RGB in full range.
//!
//! Reference: ITU-T H.273 (2021), section 8.3 (matrices and ranges). What is not said is taken as
//! libheif and libavif take it: BT.601. A chroma sample is that of all the pixels that it lies under,
//! as libheif has it.

use image::{DynamicImage, ImageBuffer, RgbImage};

use super::fault::{Fault, damaged, not_supported};
use super::properties::Nclx;

/// The planes of one picture.
#[derive(Debug)]
pub struct Planes {
    /// Columns and rows.
    pub size: (u32, u32),
    /// Bits of a sample.
    pub depth: u8,
    /// Luma, and two of chroma where it has colours.
    pub channels: Vec<Plane>,
    /// What its own stream says that they mean.
    pub meaning: Nclx,
}

/// One plane.
#[derive(Debug)]
pub struct Plane {
    /// Its numbers, `[H, W]`.
    pub samples: Samples,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// The numbers of a plane.
#[derive(Debug)]
pub enum Samples {
    /// Of at most 8 bits.
    Bytes(Vec<u8>),
    /// Of more.
    Words(Vec<u16>),
}

/// How three numbers become red, green and blue.
enum Matrix {
    /// They are green, blue and red.
    Identity,
    /// Green and orange against the rest.
    YCgCo,
    /// What of Cr is in red, of both in green, and of Cb in blue.
    Luma([f32; 4]),
}

impl Matrix {
    fn of(meaning: Nclx) -> Result<Self, Fault> {
        let (red, blue) = match meaning.matrix {
            0 => return Ok(Self::Identity),
            8 => return Ok(Self::YCgCo),
            1 => (0.2126, 0.0722),
            2 | 3 | 5 | 6 => (0.299, 0.114),
            4 => (0.30, 0.11),
            7 => (0.212, 0.087),
            9 => (0.2627, 0.0593),
            // Derived from the primaries.
            12 => match meaning.primaries {
                4 => (0.299, 0.114),
                5 => (0.2220, 0.0713),
                6 | 7 => (0.2124, 0.0865),
                9 => (0.2627, 0.0593),
                12 => (0.2290, 0.0793),
                _ => (0.2126, 0.0722),
            },
            other => return Err(not_supported(format!("the colour matrix {other}"))),
        };
        let green = 1.0 - red - blue;
        let (of_red, of_blue) = (2.0 * (1.0 - red), 2.0 * (1.0 - blue));
        let (cr, cb) = (of_red * red / green, of_blue * blue / green);
        Ok(Self::Luma([of_red, -cr, -cb, of_blue]))
    }

    /// Of red, green and blue each: the parts of luma and of the two of chroma in it.
    const fn rows(&self) -> [[f32; 3]; 3] {
        match self {
            Self::Identity => [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
            Self::YCgCo => [[1.0, -1.0, 1.0], [1.0, 1.0, 0.0], [1.0, -1.0, -1.0]],
            Self::Luma([red, cr, cb, blue]) => {
                [[1.0, 0.0, *red], [1.0, *cb, *cr], [1.0, *blue, 0.0]]
            }
        }
    }
}

/// A matrix in whole numbers: `(luma, chroma, chroma, what is added)` of red, green and blue each.
struct Whole {
    rows: [[i32; 4]; 3],
    /// Bits behind the point.
    point: u32,
    white: i32,
}

impl Whole {
    fn of(matrix: &Matrix, full: bool, depth: u8, (white, point): (u16, u32)) -> Self {
        let step = f32::from(1u16 << (depth - 8));
        let most = f32::from(((1u32 << depth) - 1) as u16);
        let bright = f32::from(white);
        let (black, luma) = if full {
            (0.0, bright / most)
        } else {
            (16.0 * step, bright / (219.0 * step))
        };
        let (middle, chroma) = match (matrix, full) {
            (Matrix::Identity, _) => (black, luma),
            (_, true) => (128.0 * step, bright / most),
            (_, false) => (128.0 * step, bright / (224.0 * step)),
        };
        let one = f64::from(1u32 << point);
        let rows = matrix.rows().map(|[y, u, v]| {
            let parts = [y * luma, u * chroma, v * chroma].map(f64::from);
            let [y, u, v] = parts;
            let at_nothing = -y * f64::from(black) - (u + v) * f64::from(middle);
            [y, u, v, at_nothing + 0.5].map(|part| (part * one).round() as i32)
        });
        Self {
            rows,
            point,
            white: i32::from(white),
        }
    }
}

impl Planes {
    /// RGB, of 16 bits where `deep` and 8 bits where not. `meaning` is what is said instead of the
    /// stream's own words.
    pub fn rgb(&self, meaning: Option<Nclx>, deep: bool) -> Result<DynamicImage, Fault> {
        let meaning = meaning.unwrap_or(self.meaning);
        Ok(if deep {
            let samples = self.interleaved(meaning, (u16::MAX, 12), |value| value as u16)?;
            let image = ImageBuffer::from_raw(self.size.0, self.size.1, samples);
            DynamicImage::ImageRgb16(image.ok_or_else(no_samples)?)
        } else {
            let samples = self.interleaved(meaning, (255, 20), |value| value as u8)?;
            let image = RgbImage::from_raw(self.size.0, self.size.1, samples);
            DynamicImage::ImageRgb8(image.ok_or_else(no_samples)?)
        })
    }

    /// `white` is the brightest number and the bits behind the point, with which no sum is too large.
    fn interleaved<T: Copy + Default>(
        &self,
        meaning: Nclx,
        white: (u16, u32),
        cast: impl Fn(i32) -> T,
    ) -> Result<Vec<T>, Fault> {
        let (width, height) = (self.size.0 as usize, self.size.1 as usize);
        let mut whole = Whole::of(&Matrix::of(meaning)?, meaning.full, self.depth, white);
        if self.channels.len() == 1 {
            // As if there were chroma of no colour.
            whole = Whole::of(&Matrix::Luma([0.0; 4]), meaning.full, self.depth, white);
        }
        let luma = self.channels.first().ok_or_else(no_samples)?;
        let luma = (luma.width, luma.height);
        let mut rows = [vec![0; width], vec![0; width], vec![0; width]];
        let mut colours = [
            vec![T::default(); width],
            vec![T::default(); width],
            vec![T::default(); width],
        ];
        let mut out = vec![T::default(); 3 * width * height];
        for (y, out) in out.chunks_exact_mut(3 * width).enumerate() {
            for (plane, row) in self.channels.iter().zip(&mut rows) {
                plane.stretch(y, luma, row)?;
            }
            let [lumas, blues, reds] = &rows;
            for (colour, [of_y, of_u, of_v, more]) in colours.iter_mut().zip(whole.rows) {
                let samples = lumas.iter().zip(blues).zip(reds);
                for (place, ((y, u), v)) in colour.iter_mut().zip(samples) {
                    let sum = (y * of_y + u * of_u)
                        .wrapping_add(v * of_v)
                        .wrapping_add(more);
                    *place = cast((sum >> whole.point).clamp(0, whole.white));
                }
            }
            let [red, green, blue] = &colours;
            let pixels = red.iter().zip(green).zip(blue);
            for (place, ((red, green), blue)) in out.as_chunks_mut().0.iter_mut().zip(pixels) {
                *place = [*red, *green, *blue];
            }
        }
        Ok(out)
    }
}

impl Plane {
    /// Row `y`, where luma has this width and height, whatever the plane has.
    fn stretch(
        &self,
        y: usize,
        (width, height): (usize, usize),
        row: &mut [i32],
    ) -> Result<(), Fault> {
        let halves_rows = usize::from(self.height < height);
        let start = (y >> halves_rows) * self.width;
        let end = start + self.width;
        let halves = self.width < width;
        match &self.samples {
            Samples::Bytes(all) => spread(all.get(start..end).ok_or_else(no_samples)?, halves, row),
            Samples::Words(all) => spread(all.get(start..end).ok_or_else(no_samples)?, halves, row),
        }
        Ok(())
    }
}

fn spread<T: Copy + Into<i32>>(samples: &[T], halves: bool, row: &mut [i32]) {
    if halves {
        for (pair, sample) in row.chunks_mut(2).zip(samples) {
            pair.fill((*sample).into());
        }
    } else {
        for (place, sample) in row.iter_mut().zip(samples) {
            *place = (*sample).into();
        }
    }
}

fn no_samples() -> Fault {
    damaged("a plane of it is too small")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planes(values: [u16; 3], depth: u8) -> Planes {
        let plane = |value| Plane {
            samples: Samples::Words(vec![value]),
            width: 1,
            height: 1,
        };
        Planes {
            size: (1, 1),
            depth,
            channels: values.map(plane).into(),
            meaning: Nclx {
                primaries: 2,
                transfer: 2,
                matrix: 2,
                full: false,
            },
        }
    }

    fn says(matrix: u8, full: bool) -> Nclx {
        Nclx {
            primaries: 1,
            transfer: 13,
            matrix,
            full,
        }
    }

    #[test]
    fn colours_are_those_of_the_matrix_and_the_range() {
        for (values, depth, meaning, expected) in [
            ([16, 128, 128], 8, says(1, false), [0, 0, 0]),
            ([235, 128, 128], 8, says(1, false), [255, 255, 255]),
            ([940, 512, 512], 10, says(9, false), [255, 255, 255]),
            ([81, 90, 240], 8, says(6, false), [254, 0, 0]),
            ([76, 85, 255], 8, says(6, true), [254, 0, 0]),
            ([63, 102, 240], 8, says(1, false), [255, 1, 0]),
            ([20, 30, 10], 8, says(0, true), [10, 20, 30]),
            ([128, 255, 128], 8, says(8, true), [1, 255, 1]),
        ] {
            let rgb = planes(values, depth).rgb(Some(meaning), false).unwrap();
            assert_eq!(rgb.into_rgb8().into_raw(), expected, "{values:?}");
        }
        let own = planes([235, 128, 128], 8).rgb(None, true).unwrap();
        assert_eq!(own.into_rgb16().into_raw(), [u16::MAX; 3]);
        let other = planes([1; 3], 8).rgb(Some(says(14, true)), false);
        assert!(matches!(other, Err(Fault::NotSupported(_))));
    }

    #[test]
    fn chroma_of_half_the_size_lies_under_two_pixels_and_too_few_samples_are_damage() {
        let mut picture = planes([0; 3], 8);
        picture.size = (3, 1);
        picture.channels[0] = Plane {
            samples: Samples::Bytes(vec![100; 3]),
            width: 3,
            height: 1,
        };
        for plane in &mut picture.channels[1..] {
            plane.samples = Samples::Bytes(vec![128, 255]);
            plane.width = 2;
        }
        let rgb = picture.rgb(Some(says(6, true)), false).unwrap();
        let rgb = rgb.into_rgb8().into_raw();
        assert_eq!(rgb[..6], [100; 6]);
        assert_eq!(rgb[6], 255);
        picture.channels[2].samples = Samples::Bytes(vec![0]);
        assert!(picture.rgb(None, false).is_err());
    }
}
