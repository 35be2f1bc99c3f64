use image::metadata::Orientation;
use image::{DynamicImage, Rgb, RgbImage};

use super::*;

fn of(image: RgbImage) -> Signature {
    Signature::of(&Picture::new(image))
}

/// Smooth, not square, and different in every corner.
fn painted(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let part = |at: u32, side: u32| (at as f32 + 0.5) / side as f32;
        let (x, y) = (part(x, width), part(y, height));
        let wave = (7.0 * x).sin() * (5.0 * y + x).cos();
        let level = 120.0 + 60.0 * wave + 50.0 * x * y;
        Rgb([level as u8, (level * 0.9) as u8, (200.0 * y) as u8])
    })
}

#[test]
fn levels_are_the_means_of_the_cells_by_area() {
    for (width, height) in [
        (11, 11),
        (22, 33),
        (40, 27),
        (5, 3),
        (1, 100),
        (100, 1),
        (12, 300),
    ] {
        let mut chance = fastrand::Rng::with_seed(3);
        let image = RgbImage::from_fn(width, height, |_, _| Rgb([chance.u8(..); 3]));
        // Each pixel as eleven times eleven ones, of which every cell has a whole number.
        let large = RgbImage::from_fn(11 * width, 11 * height, |x, y| {
            *image.get_pixel(x / 11, y / 11)
        });
        let mean = |cell: usize| {
            let (left, top) = (cell as u32 % 11 * width, cell as u32 / 11 * height);
            let part = image::imageops::crop_imm(&large, left, top, width, height);
            let part = part.to_image();
            let sum: u64 = part.pixels().map(|pixel| u64::from(pixel[0])).sum();
            sum as f64 / f64::from(width * height)
        };
        let expected = Signature::of_levels(&std::array::from_fn(mean));
        let found = of(image);
        for (a, b) in found.0.iter().zip(&expected.0) {
            assert!(
                a.abs_diff(*b) <= 1,
                "{width}×{height}: {found:?}, {expected:?}"
            );
        }
    }
}

#[test]
fn a_picture_made_smaller_darker_or_flatter_has_nearly_the_same() {
    let whole = of(painted(640, 480));
    assert!((whole.correlation(&whole) - 1.0).abs() < 1e-6);
    for (width, height) in [(80, 60), (61, 47), (640, 360), (33, 25)] {
        let correlation = whole.correlation(&of(painted(width, height)));
        assert!(correlation > 0.998, "{width}×{height}: {correlation}");
    }
    let mut dark = painted(640, 480);
    dark.iter_mut().for_each(|value| *value = *value / 2 + 20);
    let dark = of(dark);
    assert!(whole.correlation(&dark) > 0.999);
    let mut negative = painted(640, 480);
    negative.iter_mut().for_each(|value| *value = 255 - *value);
    assert!(whole.correlation(&of(negative)) < -0.999);
}

#[test]
fn a_flat_picture_is_like_flat_ones_only() {
    let flat = |level: u8| of(RgbImage::from_pixel(64, 48, Rgb([level, 90, 3])));
    let other = of(painted(64, 48));
    assert!(flat(7).is_flat() && !other.is_flat());
    assert!((flat(7).correlation(&flat(200)) - 1.0).abs() < f32::EPSILON);
    assert!(flat(7).correlation(&other).abs() < f32::EPSILON);
    assert!(other.correlation(&flat(7)).abs() < f32::EPSILON);
    assert!(
        flat(7)
            .orbits()
            .iter()
            .all(|number| number.abs() < f32::EPSILON)
    );
}

#[test]
fn the_views_are_those_of_the_picture_made_upright() {
    let image = painted(97, 60);
    let views = of(image.clone()).views();
    for (number, view) in (1..).zip(views) {
        let mut turned = DynamicImage::from(image.clone());
        turned.apply_orientation(Orientation::from_exif(number).unwrap());
        let turned = of(turned.into_rgb8());
        let largest = turned
            .0
            .iter()
            .zip(&view.0)
            .map(|(a, b)| a.abs_diff(*b))
            .max();
        assert!(largest <= Some(1), "{number}: {turned:?}, {view:?}");
        for (other, seen) in (1..).zip(views) {
            let is_it = turned.correlation(&seen) > 0.9999;
            assert_eq!(is_it, other == number, "{number}, {other}");
        }
    }
}

#[test]
fn what_all_views_have_in_common_is_the_same_for_each() {
    let mut chance = fastrand::Rng::with_seed(9);
    for _ in 0..100 {
        let signature = Signature(std::array::from_fn(|_| chance.i8(-127..)));
        for view in signature.views() {
            assert_eq!(view.canonical(), signature.canonical());
            let pairs = view.orbits().into_iter().zip(signature.orbits());
            assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-6));
            assert_eq!(view.turned(1).turned(3).mirrored().mirrored(), view);
        }
        assert!(signature.views().contains(&signature.canonical()));
    }
}

#[test]
fn alike_pictures_have_near_orbits_whichever_way_they_are_turned() {
    let mut chance = fastrand::Rng::with_seed(11);
    let mut nearest = 0.0_f32;
    for round in 0..2000_u32 {
        let a = Signature(std::array::from_fn(|_| chance.i8(-100..100)));
        let noise = (round % 60) as i8;
        let noisy = |number: i8| number.saturating_add(chance.i8(-noise..=noise)).max(-127);
        let b = Signature(a.0.map(noisy));
        let b = b.views()[chance.usize(..8)];
        let best = b.views().map(|view| a.correlation(&view));
        let best = best.into_iter().fold(-1.0, f32::max);
        let squares = a
            .orbits()
            .into_iter()
            .zip(b.orbits())
            .map(|(a, b)| (a - b).powi(2));
        let distance = squares.sum::<f32>().sqrt();
        let bound = (2.0 - 2.0 * best).max(0.0).sqrt();
        assert!(distance <= bound + 1e-3, "{distance} > {bound}");
        nearest = nearest.max(distance / bound.max(1e-3));
    }
    assert!(nearest > 0.3, "the bound says something: {nearest}");
}

#[test]
fn its_bytes_read_back() {
    let signature = of(painted(50, 40));
    let bytes = signature.as_bytes().try_into().unwrap();
    assert_eq!(Signature::from_bytes(bytes), signature);
    assert_eq!(Signature::from_bytes([0x81; CELLS]).0, [-127; CELLS]);
}

#[test]
fn every_cell_is_in_an_orbit_and_no_orbit_is_empty() {
    let mut counts = [0; ORBITS];
    (0..CELLS).for_each(|cell| counts[orbit_of(cell)] += 1);
    assert!(counts.iter().all(|count| matches!(count, 1 | 4 | 8)));
}
