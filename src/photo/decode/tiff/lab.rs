//! CIE L*a*b* of white D50 to sRGB.
//!
//! References: TIFF 6.0, section 23, and Adobe's Technical Notes (`ICCLab`) for the coding; CIE 15 for
//! the space; the matrix is sRGB's, its white adapted to D50 by Bradford's transform.

/// How a pixel's three numbers of up to 16 bits say the colour.
#[derive(Clone, Copy, Debug)]
pub struct Coding {
    pub is_icc: bool,
    pub is_wide: bool,
}

const WHITE: [f32; 3] = [0.9642, 1.0, 0.8249];
const TO_SRGB: [[f32; 3]; 3] = [
    [3.133_856, -1.616_867, -0.490_615],
    [-0.978_768, 1.916_142, 0.033_454],
    [0.071_945, -0.228_991, 1.405_243],
];

impl Coding {
    /// Red, green and blue of 16 bits.
    pub fn rgb(self, stored: [u16; 3]) -> [u16; 3] {
        let wide = f32::from(256_u16);
        let [l, a, b] = stored;
        let difference = |value: u16| match (self.is_icc, self.is_wide) {
            (true, true) => f32::from(value) / wide - 128.0,
            (true, false) => f32::from(value) - 128.0,
            (false, true) => f32::from(value as i16) / wide,
            (false, false) => f32::from(value as u8 as i8),
        };
        let most = match (self.is_icc, self.is_wide) {
            (true, true) => 65280.0,
            (false, true) => 65535.0,
            (_, false) => 255.0,
        };
        let y = (f32::from(l) * 100.0 / most + 16.0) / 116.0;
        let cubes = [y + difference(a) / 500.0, y, y - difference(b) / 200.0];
        let xyz: [f32; 3] = std::array::from_fn(|index| WHITE[index] * uncubed(cubes[index]));
        TO_SRGB.map(|row| {
            let linear: f32 = row.iter().zip(xyz).map(|(part, value)| part * value).sum();
            (srgb(linear.clamp(0.0, 1.0)) * 65535.0 + 0.5) as u16
        })
    }
}

fn uncubed(value: f32) -> f32 {
    if value > 6.0 / 29.0 {
        value.powi(3)
    } else {
        (value - 4.0 / 29.0) * 108.0 / 841.0
    }
}

fn srgb(linear: f32) -> f32 {
    if linear <= 0.003_130_8 {
        linear * 12.92
    } else {
        1.055 * linear.powf(1.0 / 2.4) - 0.055
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_grey_and_red_are_those_of_srgb_in_every_coding() {
        let eight = |value: u16| (u32::from(value) + 128) / 257;
        let codings = [(false, false), (true, false), (false, true), (true, true)];
        for (is_icc, is_wide) in codings {
            let coding = Coding { is_icc, is_wide };
            let stored = |l: f32, a: f32, b: f32| {
                let most = [255.0, if is_icc { 65280.0 } else { 65535.0 }][usize::from(is_wide)];
                let difference = |value: f32| {
                    let shifted = if is_icc { value + 128.0 } else { value };
                    let scaled = (shifted * [1.0, 256.0][usize::from(is_wide)]).round() as i32;
                    if is_wide {
                        scaled as u16
                    } else {
                        u16::from(scaled as u8)
                    }
                };
                [
                    (l * most / 100.0).round() as u16,
                    difference(a),
                    difference(b),
                ]
            };
            assert_eq!(
                coding.rgb(stored(100.0, 0.0, 0.0)).map(eight),
                [255; 3],
                "{coding:?}"
            );
            assert_eq!(
                coding.rgb(stored(0.0, 0.0, 0.0)).map(eight),
                [0; 3],
                "{coding:?}"
            );
            // CIE 15: sRGB's red is L* 54.29, a* 80.80, b* 69.89 of white D50.
            let [red, green, blue] = coding.rgb(stored(54.29, 80.8, 69.89)).map(eight);
            assert!(
                red >= 253 && green < 12 && blue < 12,
                "{coding:?}: {red} {green} {blue}"
            );
        }
    }
}
