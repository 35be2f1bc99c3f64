//! How an item's properties turn, mirror and cut it, in the order in which it has them.
//!
//! Reference: ISO/IEC 23008-12:2022, sections 6.5.9 (`clap`), 6.5.10 (`irot`) and 6.5.12 (`imir`).

use image::DynamicImage;
use image::metadata::Orientation;

use super::properties::{Cut, Property};

/// Mirrored, or not, and then turned.
#[derive(Clone, Copy, Debug, Default)]
struct Pose {
    /// Quarter turns with the clock.
    turns: u8,
    is_mirrored: bool,
}

impl Pose {
    fn turned_back(self, quarters: u8) -> Self {
        Self {
            turns: (self.turns + 4 - quarters) % 4,
            ..self
        }
    }

    fn mirrored(self, sideways: bool) -> Self {
        let half = if sideways { 0 } else { 2 };
        Self {
            turns: (4 - self.turns + half) % 4,
            is_mirrored: !self.is_mirrored,
        }
    }

    const fn orientation(self) -> Orientation {
        match (self.is_mirrored, self.turns) {
            (false, 0) => Orientation::NoTransforms,
            (false, 1) => Orientation::Rotate90,
            (false, 2) => Orientation::Rotate180,
            (false, _) => Orientation::Rotate270,
            (true, 0) => Orientation::FlipHorizontal,
            (true, 1) => Orientation::Rotate270FlipH,
            (true, 2) => Orientation::FlipVertical,
            (true, _) => Orientation::Rotate90FlipH,
        }
    }
}

/// Columns and rows before or behind the turns, from those on their other side.
pub fn turned_size(properties: &[Property], (width, height): (u32, u32)) -> (u32, u32) {
    let quarters = properties.iter().map(|property| match property {
        Property::Turned(quarters) => quarters & 1,
        _ => 0,
    });
    if quarters.sum::<u8>() % 2 == 1 {
        (height, width)
    } else {
        (width, height)
    }
}

/// Cuts a picture as its properties say; what is left to be done is to turn it.
pub fn cut(mut image: DynamicImage, properties: &[Property]) -> (DynamicImage, Orientation) {
    let mut pose = Pose::default();
    for property in properties {
        match property {
            Property::Turned(quarters) => pose = pose.turned_back(*quarters),
            Property::Mirrored { sideways } => pose = pose.mirrored(*sideways),
            Property::Cut(part) => {
                image.apply_orientation(pose.orientation());
                pose = Pose::default();
                image = part_of(&image, part);
            }
            _ => {}
        }
    }
    (image, pose.orientation())
}

/// The part, as far as it lies within the picture and is not nothing.
fn part_of(image: &DynamicImage, part: &Cut) -> DynamicImage {
    let along = |whole: u32, length: f64, moved: f64| {
        let length = (length.round().max(1.0) as u32).min(whole);
        let start = f64::from(whole - length) / 2.0 + moved;
        ((start.round().max(0.0) as u32).min(whole - length), length)
    };
    let (left, width) = along(image.width(), part.width, part.right);
    let (top, height) = along(image.height(), part.height, part.down);
    image.crop_imm(left, top, width, height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbImage;

    fn numbered() -> DynamicImage {
        let pixel = |x, y| image::Rgb([x as u8, y as u8, 0]);
        DynamicImage::from(RgbImage::from_fn(3, 2, pixel))
    }

    #[test]
    fn turns_and_mirrors_in_any_order_are_those_of_one_after_the_other() {
        let steps = [
            Property::Turned(1),
            Property::Turned(2),
            Property::Mirrored { sideways: true },
            Property::Mirrored { sideways: false },
        ];
        for first in steps {
            for second in steps {
                for third in steps {
                    let mut expected = numbered();
                    for step in [first, second, third] {
                        expected = match step {
                            Property::Turned(1) => expected.rotate270(),
                            Property::Turned(_) => expected.rotate180(),
                            Property::Mirrored { sideways: true } => expected.fliph(),
                            _ => expected.flipv(),
                        };
                    }
                    let all = [first, second, third];
                    let (mut image, orientation) = cut(numbered(), &all);
                    image.apply_orientation(orientation);
                    assert_eq!(image, expected, "{all:?}");
                    assert_eq!(turned_size(&all, (3, 2)), (image.width(), image.height()));
                }
            }
        }
    }

    #[test]
    fn what_is_cut_lies_around_the_centre_and_within_the_picture() {
        let mut part = Cut {
            width: 1.0,
            height: 2.0,
            right: 1.0,
            down: 0.0,
        };
        let (image, _) = cut(numbered(), &[Property::Cut(part)]);
        assert_eq!(image.into_rgb8().into_raw(), [2, 0, 0, 2, 1, 0]);
        (part.width, part.right) = (9.0, -1e30);
        let (image, _) = cut(numbered(), &[Property::Turned(1), Property::Cut(part)]);
        assert_eq!((image.width(), image.height()), (2, 2));
    }
}
