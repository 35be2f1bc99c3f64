//! How an item's properties turn, mirror and cut it, in the order in which it has them.
//!
//! Reference: ISO/IEC 23008-12:2022, sections 6.5.9 (`clap`), 6.5.10 (`irot`) and 6.5.12 (`imir`).

use std::mem;

use image::DynamicImage;
use image::metadata::Orientation;

use super::properties::{Cut, Property};
use crate::photo::framing::Part;

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

    /// Where a part of a picture of this size is once it is turned.
    fn moved(self, mut part: Part, (width, height): (u32, u32)) -> Part {
        let back = |(from, to): (u32, u32), side: u32| (side - to, side - from);
        if self.is_mirrored {
            part.columns = back(part.columns, width);
        }
        let (columns, rows) = (part.columns, part.rows);
        let (columns, rows) = match self.turns {
            0 => (columns, rows),
            1 => (back(rows, height), columns),
            2 => (back(columns, width), back(rows, height)),
            _ => (rows, back(columns, width)),
        };
        Part { columns, rows }
    }

    const fn moved_size(self, (width, height): (u32, u32)) -> (u32, u32) {
        if self.turns % 2 == 1 {
            (height, width)
        } else {
            (width, height)
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
    let (cuts, orientation) = steps(properties);
    for (pose, part) in cuts {
        image.apply_orientation(pose.orientation());
        let (columns, rows) = part_of((image.width(), image.height()), &part);
        let size = (columns.1 - columns.0, rows.1 - rows.0);
        image = image.crop_imm(columns.0, rows.0, size.0, size.1);
    }
    (image, orientation.orientation())
}

/// The size of a picture once it is turned and cut as its properties say, and where `part` of it is then;
/// none if nothing of it is left.
pub fn landed(
    mut size: (u32, u32),
    part: Part,
    properties: &[Property],
) -> ((u32, u32), Option<Part>) {
    let mut left = Some(part);
    let (cuts, last) = steps(properties);
    for (pose, cut) in cuts {
        let moved = left.map(|part| pose.moved(part, size));
        size = pose.moved_size(size);
        let (columns, rows) = part_of(size, &cut);
        left = moved.and_then(|part| part.within(columns, rows));
        size = (columns.1 - columns.0, rows.1 - rows.0);
    }
    let left = left.map(|part| last.moved(part, size));
    (last.moved_size(size), left)
}

/// What is cut, each after it is turned, and what is to be turned at last.
fn steps(properties: &[Property]) -> (Vec<(Pose, Cut)>, Pose) {
    let (mut cuts, mut pose) = (Vec::new(), Pose::default());
    for property in properties {
        match property {
            Property::Turned(quarters) => pose = pose.turned_back(*quarters),
            Property::Mirrored { sideways } => pose = pose.mirrored(*sideways),
            Property::Cut(part) => cuts.push((mem::take(&mut pose), *part)),
            _ => {}
        }
    }
    (cuts, pose)
}

/// Columns and rows of the part, as far as it lies within the picture and is not nothing: of each the
/// first, and the end.
fn part_of((width, height): (u32, u32), part: &Cut) -> ((u32, u32), (u32, u32)) {
    let along = |whole: u32, length: f64, moved: f64| {
        let length = (length.round().max(1.0) as u32).min(whole);
        let start = f64::from(whole - length) / 2.0 + moved;
        let start = (start.round().max(0.0) as u32).min(whole - length);
        (start, start + length)
    };
    let columns = along(width, part.width, part.right);
    (columns, along(height, part.height, part.down))
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

    /// The part of a numbered picture that its pixels tell.
    fn told(image: &RgbImage, part: Part) -> Option<Part> {
        let is_of_part = |pixel: &image::Rgb<u8>| {
            let [x, y] = [pixel[0], pixel[1]].map(u32::from);
            (part.columns.0..part.columns.1).contains(&x) && (part.rows.0..part.rows.1).contains(&y)
        };
        let pixels = image.enumerate_pixels();
        let pixels = pixels.filter(|(_, _, pixel)| is_of_part(pixel));
        pixels.fold(None, |told: Option<Part>, (x, y, _)| {
            let told = told.unwrap_or(Part {
                columns: (x, x),
                rows: (y, y),
            });
            Some(Part {
                columns: (told.columns.0.min(x), told.columns.1.max(x + 1)),
                rows: (told.rows.0.min(y), told.rows.1.max(y + 1)),
            })
        })
    }

    #[test]
    fn a_part_lands_where_its_pixels_do_however_they_are_turned_mirrored_and_cut() {
        let part = Part {
            columns: (1, 6),
            rows: (2, 4),
        };
        let away = Cut {
            width: 7.0,
            height: 5.0,
            right: 1.0,
            down: -1.5,
        };
        let nothing_left = Cut {
            width: 1.0,
            height: 1.0,
            right: 5.0,
            down: 4.0,
        };
        let steps = [
            Property::Turned(0),
            Property::Turned(1),
            Property::Turned(2),
            Property::Turned(3),
            Property::Mirrored { sideways: true },
            Property::Mirrored { sideways: false },
            Property::Cut(away),
            Property::Cut(nothing_left),
        ];
        let pixel = |x, y| image::Rgb([x as u8, y as u8, 0]);
        for first in steps {
            for second in steps {
                for third in steps {
                    let all = [first, second, third];
                    let image = DynamicImage::from(RgbImage::from_fn(11, 9, pixel));
                    let (mut image, orientation) = cut(image, &all);
                    image.apply_orientation(orientation);
                    let (size, left) = landed((11, 9), part, &all);
                    assert_eq!(size, (image.width(), image.height()), "{all:?}");
                    assert_eq!(left, told(&image.into_rgb8(), part), "{all:?}");
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
