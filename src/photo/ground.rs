//! What lies behind the transparent parts of a picture.
//!
//! A drawing is made to be seen on some page, and does not say on which: a white icon laid over white is
//! a blank white sheet, and all white icons are then one. The rule: over white, as most pages are, unless
//! over black the picture has more than [`TIMES_THE_CONTRAST`] times the contrast (the standard deviation
//! of its luma, BT.601, over all of its pixels).

use image::{DynamicImage, RgbImage, RgbaImage};

use super::rendering::Ground;

/// Black has to show this many times as much as white.
const TIMES_THE_CONTRAST: f64 = 4.0;

/// Rows that are turned to eight bits at once.
const ROWS_AT_ONCE: u32 = 64;

const WHITE: u8 = 255;
const BLACK: u8 = 0;

/// `image` in eight bits of RGB, its transparent parts laid over `ground`.
pub fn lay(image: DynamicImage, ground: Ground) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let level = match ground {
        Ground::White => WHITE,
        Ground::Visible => visible(&image),
    };
    let mut rgb = RgbImage::new(image.width(), image.height());
    let row = 3 * image.width() as usize;
    let mut rest: &mut [u8] = rgb.as_mut();
    strips(&image, |rgba| {
        let (strip, behind) = std::mem::take(&mut rest).split_at_mut(row * rgba.height() as usize);
        for (from, to) in rgba.pixels().zip(strip.as_chunks_mut::<3>().0) {
            for channel in 0..3 {
                to[channel] = over(from[channel], from[3], level);
            }
        }
        rest = behind;
    });
    rgb
}

/// The ground on which what is visible can be seen.
fn visible(image: &DynamicImage) -> u8 {
    let (mut on_white, mut on_black) = (Spread::default(), Spread::default());
    strips(image, |rgba| {
        for pixel in rgba.pixels() {
            let [red, green, blue, alpha] = pixel.0.map(u32::from);
            let luma = ((299 * red + 587 * green + 114 * blue + 500) / 1000) as u8;
            on_white.add(over(luma, alpha as u8, WHITE));
            on_black.add(over(luma, alpha as u8, BLACK));
        }
    });
    if on_black.deviation() > TIMES_THE_CONTRAST * on_white.deviation() {
        BLACK
    } else {
        WHITE
    }
}

/// A value of this alpha over a ground of this level.
const fn over(value: u8, alpha: u8, ground: u8) -> u8 {
    let (value, alpha, ground) = (value as u32, alpha as u32, ground as u32);
    ((value * alpha + ground * (255 - alpha) + 127) / 255) as u8
}

/// Some rows at a time in eight bits, since all of them would be one more copy of the picture.
fn strips(image: &DynamicImage, mut each: impl FnMut(&RgbaImage)) {
    let (width, height) = (image.width(), image.height());
    for top in (0..height).step_by(ROWS_AT_ONCE as usize) {
        let rows = ROWS_AT_ONCE.min(height - top);
        each(&image.crop_imm(0, top, width, rows).into_rgba8());
    }
}

/// How far levels lie from each other.
#[derive(Default)]
struct Spread {
    count: u64,
    sum: u64,
    squares: u64,
}

impl Spread {
    fn add(&mut self, level: u8) {
        let level = u64::from(level);
        self.count += 1;
        self.sum += level;
        self.squares += level * level;
    }

    fn deviation(&self) -> f64 {
        let count = self.count.max(1) as f64;
        let mean = self.sum as f64 / count;
        (self.squares as f64 / count - mean * mean).max(0.0).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, Rgba};

    use super::*;

    /// A disc of one colour on transparent ground.
    fn disc(colour: [u8; 3], radius: i32) -> DynamicImage {
        RgbaImage::from_fn(48, 48, |x, y| {
            let (x, y) = (x as i32 - 24, y as i32 - 24);
            let is_within = x * x + y * y < radius * radius;
            let [red, green, blue] = colour;
            Rgba([red, green, blue, 255 * u8::from(is_within)])
        })
        .into()
    }

    fn corner(image: DynamicImage) -> [u8; 3] {
        lay(image, Ground::Visible).get_pixel(0, 0).0
    }

    #[test]
    fn light_drawings_are_laid_over_black_and_all_others_over_white() {
        for radius in [3, 10, 20] {
            assert_eq!(corner(disc([255, 255, 255], radius)), [0; 3]);
            assert_eq!(corner(disc([235, 235, 240], radius)), [0; 3]);
            for colour in [[0, 0, 0], [128, 128, 128], [200, 30, 30], [20, 90, 220]] {
                assert_eq!(corner(disc(colour, radius)), [255; 3], "{colour:?}");
            }
        }
    }

    #[test]
    fn a_page_with_transparent_corners_stays_white() {
        let page = RgbaImage::from_fn(64, 64, |x, y| {
            let is_ink = x % 5 == 0 && y % 7 < 3;
            let is_corner = x < 3 && y < 3;
            let level = if is_ink { 20 } else { 255 };
            Rgba([level, level, level, if is_corner { 0 } else { 255 }])
        });
        assert_eq!(corner(page.into()), [255; 3]);
    }

    #[test]
    fn white_is_always_white_where_it_is_asked_for() {
        let laid = lay(disc([255; 3], 9), Ground::White);
        assert!(laid.pixels().all(|pixel| *pixel == Rgb([255; 3])));
    }

    #[test]
    fn a_picture_is_laid_strip_by_strip_as_all_at_once() {
        for height in [1, 63, 64, 65, 200] {
            let picture = RgbaImage::from_fn(7, height, |x, y| {
                Rgba([(x * 30) as u8, y as u8, 9, (x * 7 + y * 3) as u8])
            });
            let mixed = |from: &Rgba<u8>| {
                let alpha = u32::from(from[3]);
                let mix = |value: u8| (u32::from(value) * alpha + 255 * (255 - alpha) + 127) / 255;
                Rgb([from[0], from[1], from[2]].map(|value| mix(value) as u8))
            };
            let expected = RgbImage::from_fn(7, height, |x, y| mixed(picture.get_pixel(x, y)));
            assert_eq!(lay(picture.into(), Ground::White), expected);
        }
    }
}
