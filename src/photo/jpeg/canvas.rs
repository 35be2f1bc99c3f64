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
                    add_colours(&mut self.rgb, &luma[part.clone()], &blue[part.clone()], &red[part]);
                }
                [grey, ..] => self.rgb.extend(grey[part].iter().flat_map(|grey| [*grey; 3])),
                [] => {}
            }
        }
    }

    /// The pixels; none if some are missing.
    pub fn into_rgb(self) -> Option<Vec<u8>> {
        (self.rgb.len() == self.size).then_some(self.rgb)
    }
}

/// JFIF's YCbCr to RGB, of BT.601 with full range, in 16-bit fixed point as libjpeg rounds it.
fn add_colours(rgb: &mut Vec<u8>, luma: &[u8], blue: &[u8], red: &[u8]) {
    const HALF: i32 = 1 << 15;
    let level = |value: i32| value.clamp(0, 255) as u8;
    let from = rgb.len();
    rgb.resize(from + 3 * luma.len(), 0);
    let pixels = rgb[from..].as_chunks_mut::<3>().0;
    for (((pixel, luma), blue), red) in pixels.iter_mut().zip(luma).zip(blue).zip(red) {
        let (luma, blue, red) = (i32::from(*luma), i32::from(*blue) - 128, i32::from(*red) - 128);
        *pixel = [
            level(luma + ((91_881 * red + HALF) >> 16)),
            level(luma + ((-22_554 * blue - 46_802 * red + HALF) >> 16)),
            level(luma + ((116_130 * blue + HALF) >> 16)),
        ];
    }
}
