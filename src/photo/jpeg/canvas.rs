//! One row of units at a time, from the planes of the components to RGB.

use super::layout::Layout;

/// The picture so far, and the planes of the units being decoded.
pub struct Canvas {
    /// For each component the pixels of one row of units.
    pub planes: Vec<Vec<u8>>,
    /// Pixels in a row of a plane.
    pub stride: usize,
    rows: usize,
    width: usize,
    size: usize,
    rgb: Vec<u8>,
}

impl Canvas {
    /// An empty picture.
    pub fn new(layout: &Layout) -> Self {
        let stride = layout.units.0 * layout.unit.0;
        let (width, height) = layout.picture;
        let plane = vec![0; stride * layout.unit.1];
        Self {
            planes: vec![plane; layout.components.len()],
            stride,
            rows: layout.unit.1,
            width,
            size: 3 * width * height,
            rgb: Vec::with_capacity(3 * width * height),
        }
    }

    /// Adds the planes' rows to the picture, but none beyond its end.
    pub fn finish_units(&mut self) {
        for row in 0..self.rows {
            if self.rgb.len() == self.size {
                return;
            }
            let part = row * self.stride..row * self.stride + self.width;
            match self.planes.as_slice() {
                [luma, blue, red] => {
                    add_colours(
                        &mut self.rgb,
                        &luma[part.clone()],
                        &blue[part.clone()],
                        &red[part],
                    );
                }
                [grey, ..] => self
                    .rgb
                    .extend(grey[part].iter().flat_map(|grey| [*grey; 3])),
                [] => {}
            }
        }
    }

    /// The pixels; none if some are missing.
    pub fn into_rgb(self) -> Option<Vec<u8>> {
        (self.rgb.len() == self.size).then_some(self.rgb)
    }
}

/// Pixels turned to RGB at once.
const LANES: usize = 16;

/// JFIF's YCbCr to RGB, of BT.601 with full range.
fn add_colours(rgb: &mut Vec<u8>, luma: &[u8], blue: &[u8], red: &[u8]) {
    let parts = luma
        .chunks(LANES)
        .zip(blue.chunks(LANES))
        .zip(red.chunks(LANES));
    for ((luma, blue), red) in parts {
        let mut planes = [[0; LANES]; 3];
        for (plane, part) in planes.iter_mut().zip([luma, blue, red]) {
            match part.first_chunk() {
                Some(whole) => *plane = *whole,
                None => plane[..part.len()].copy_from_slice(part),
            }
        }
        let [red, green, blue] = colours(&planes);
        let mut pixels = [[0; 3]; LANES];
        for (at, pixel) in pixels.iter_mut().enumerate() {
            *pixel = [red[at], green[at], blue[at]];
        }
        rgb.extend_from_slice(pixels[..luma.len()].as_flattened());
    }
}

/// In sixteen bits, the factors times 2¹⁴ and the products then 2⁵ of a grey level.
#[inline(always)]
fn colours([luma, blue, red]: &[[u8; LANES]; 3]) -> [[u8; LANES]; 3] {
    let times = |level: i16, factor: i32| ((i32::from(level << 7) * factor) >> 16) as i16;
    let level = |value: i16| ((value + 16) >> 5).clamp(0, 255) as u8;
    let mut rgb = [[0; LANES]; 3];
    for at in 0..LANES {
        let luma = i16::from(luma[at]) << 5;
        let (blue, red) = (i16::from(blue[at]) - 128, i16::from(red[at]) - 128);
        rgb[0][at] = level(luma + times(red, 22_970));
        rgb[1][at] = level(luma + times(blue, -5_638) + times(red, -11_700));
        rgb[2][at] = level(luma + times(blue, 29_032));
    }
    rgb
}
