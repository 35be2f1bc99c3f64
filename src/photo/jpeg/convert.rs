//! Rows of components to rows of pixels.
//!
//! Reference: ITU-T T.871, section 7, in libjpeg-turbo's whole numbers.

use super::colours::Colours;
use super::wide::{LANES, Wide};

/// Fills `out` with the pixels whose components are `rows`.
#[inline(always)]
pub fn pixels(wide: Wide, colours: Colours, rows: &[&[u8]], out: &mut [u8]) {
    match (colours, rows) {
        (Colours::YCbCr, [luma, blue, red]) => rgb(wide, [luma, blue, red], out),
        (Colours::Grey, [grey]) => out.copy_from_slice(&grey[..out.len()]),
        (Colours::Cmyk, _) => interleaved::<4>(rows, out, |inks| inks.map(|ink| 255 - ink)),
        (Colours::Ycck, [.., black]) => {
            // The complements of the inks are as red, green and blue; what is stored is wrong way round.
            interleaved::<4>(rows, out, |[luma, blue, red, _]| {
                let [red, green, blue] = rgb_of(luma, blue, red);
                [red, green, blue, 0]
            });
            for (pixel, black) in out.as_chunks_mut::<4>().0.iter_mut().zip(*black) {
                pixel[3] = 255 - black;
            }
        }
        (Colours::Rgb, _) => interleaved::<3>(rows, out, |pixel| pixel),
        _ => {
            let count = rows.len().max(1);
            for (at, row) in rows.iter().enumerate() {
                for (out, value) in out.iter_mut().skip(at).step_by(count).zip(*row) {
                    *out = *value;
                }
            }
        }
    }
}

#[inline(always)]
fn interleaved<const N: usize>(rows: &[&[u8]], out: &mut [u8], of: impl Fn([u8; N]) -> [u8; N]) {
    let Some(rows) = rows.first_chunk::<N>() else {
        return;
    };
    let (pixels, _) = out.as_chunks_mut::<N>();
    let rows = rows.map(|row| &row[..pixels.len()]);
    for (at, pixel) in pixels.iter_mut().enumerate() {
        *pixel = of(rows.map(|row| row[at]));
    }
}

/// A half, with 16 bits behind the point.
const HALF: i32 = 1 << 15;

/// One pixel of YCbCr.
#[inline(always)]
pub fn rgb_of(luma: u8, blue: u8, red: u8) -> [u8; 3] {
    let (luma, blue, red) = (i32::from(luma), i32::from(blue) - 128, i32::from(red) - 128);
    let level = |value: i32| value.clamp(0, 255) as u8;
    [
        level(luma + ((91_881 * red + HALF) >> 16)),
        level(luma + ((-22_554 * blue - 46_802 * red + HALF) >> 16)),
        level(luma + ((116_130 * blue + HALF) >> 16)),
    ]
}

#[inline(always)]
fn rgb(wide: Wide, [luma, blue, red]: [&[u8]; 3], out: &mut [u8]) {
    let (pixels, _) = out.as_chunks_mut::<3>();
    let count = pixels.len();
    let (luma, blue, red) = (&luma[..count], &blue[..count], &red[..count]);
    let parts = luma
        .chunks(LANES)
        .zip(blue.chunks(LANES))
        .zip(red.chunks(LANES));
    for (((luma, blue), red), out) in parts.zip(pixels.chunks_mut(LANES)) {
        let mut planes = [[0; LANES]; 3];
        for (plane, part) in planes.iter_mut().zip([luma, blue, red]) {
            match part.first_chunk() {
                Some(whole) => *plane = *whole,
                None => plane[..part.len()].copy_from_slice(part),
            }
        }
        let colours = colours(&planes);
        let pixels = match wide.woven(&colours) {
            Some(woven) => pulp::cast(woven),
            None => woven(&colours),
        };
        match out.first_chunk_mut() {
            Some(whole) => *whole = pixels,
            None => out.copy_from_slice(&pixels[..out.len()]),
        }
    }
}

fn woven([red, green, blue]: &[[u8; LANES]; 3]) -> [[u8; 3]; LANES] {
    std::array::from_fn(|at| [red[at], green[at], blue[at]])
}

/// As [`rgb_of`] to the bit, in sixteen bits: what is beyond one is added as it is, what is left is
/// multiplied with 2¹⁶ times itself, and twice, so that a half can be rounded.
#[inline(always)]
fn colours([luma, blue, red]: &[[u8; LANES]; 3]) -> [[u8; LANES]; 3] {
    let times = |value: i16, factor: i32| ((i32::from(value) * factor) >> 16) as i16;
    let level = |value: i16| value.clamp(0, 255) as u8;
    let mut rgb = [[0; LANES]; 3];
    for at in 0..LANES {
        let luma = i16::from(luma[at]);
        let (blue, red) = (i16::from(blue[at]) - 128, i16::from(red[at]) - 128);
        // 1.402 = 1 + .402 and 1.772 = 2 - .228
        let of_red = (times(2 * red, 26_345) + 1) >> 1;
        let of_blue = (times(2 * blue, -14_942) + 1) >> 1;
        // .71414 = 1 - .28586
        let green = (i32::from(blue) * -22_554 + i32::from(red) * 18_734 + HALF) >> 16;
        rgb[0][at] = level(luma + of_red + red);
        rgb[1][at] = level(luma + green as i16 - red);
        rgb[2][at] = level(luma + of_blue + blue + blue);
    }
    rgb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_pixels_at_once_are_those_one_by_one() {
        let all: Vec<u8> = (0..=255).collect();
        for blue in all.iter().copied() {
            for red in all.iter().copied().step_by(3) {
                let count = all.len() - usize::from(red % 7);
                let (blues, reds) = (vec![blue; count], vec![red; count]);
                let mut out = vec![0; 3 * count];
                pixels(
                    Wide::new(),
                    Colours::YCbCr,
                    &[&all[..count], &blues, &reds],
                    &mut out,
                );
                for (luma, pixel) in all.iter().zip(out.as_chunks::<3>().0) {
                    assert_eq!(*pixel, rgb_of(*luma, blue, red));
                }
            }
        }
    }

    #[test]
    fn inks_are_the_right_way_round() {
        let mut out = [0; 4];
        pixels(
            Wide::new(),
            Colours::Cmyk,
            &[&[255], &[0], &[254], &[1]],
            &mut out,
        );
        assert_eq!(out, [0, 255, 1, 254]);
        pixels(
            Wide::new(),
            Colours::Ycck,
            &[&[255], &[128], &[128], &[255]],
            &mut out,
        );
        assert_eq!(out, [255, 255, 255, 0], "as libjpeg's 0, 0, 0, 255");
        pixels(Wide::new(), Colours::Raw(2), &[&[1, 2], &[3, 4]], &mut out);
        assert_eq!(out, [1, 3, 2, 4]);
    }
}
