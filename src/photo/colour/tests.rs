use image::{GrayAlphaImage, GrayImage, Luma, LumaA, Rgb, Rgba};
use moxcms::{ColorProfile, ToneReprCurve};

use super::*;

type Matrix = [[f64; 3]; 3];

/// From CSS Color Module Level 4, section 18, whose numbers are exact.
const SRGB_TO_XYZ: Matrix = [
    [
        506_752.0 / 1_228_815.0,
        87_881.0 / 245_763.0,
        12_673.0 / 70_218.0,
    ],
    [
        87_098.0 / 409_605.0,
        175_762.0 / 245_763.0,
        12_673.0 / 175_545.0,
    ],
    [
        7_918.0 / 409_605.0,
        87_881.0 / 737_289.0,
        1_001_167.0 / 1_053_270.0,
    ],
];
const XYZ_TO_P3: Matrix = [
    [
        446_124.0 / 178_915.0,
        -333_277.0 / 357_830.0,
        -72_051.0 / 178_915.0,
    ],
    [-14_852.0 / 17_905.0, 63_121.0 / 35_810.0, 423.0 / 17_905.0],
    [
        11_844.0 / 330_415.0,
        -50_337.0 / 660_830.0,
        316_169.0 / 330_415.0,
    ],
];
const XYZ_TO_ADOBE: Matrix = [
    [
        1_829_569.0 / 896_150.0,
        -506_331.0 / 896_150.0,
        -308_931.0 / 896_150.0,
    ],
    [
        -851_781.0 / 878_810.0,
        1_648_619.0 / 878_810.0,
        36_519.0 / 878_810.0,
    ],
    [
        16_779.0 / 1_248_040.0,
        -147_721.0 / 1_248_040.0,
        1_266_979.0 / 1_248_040.0,
    ],
];

fn times(matrix: &Matrix, vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
}

fn light(level: u8) -> f64 {
    let value = f64::from(level) / 255.0;
    if value <= 0.040_45 {
        value / 12.92
    } else {
        ((value + 0.055) / 1.055).powf(2.4)
    }
}

fn encoded(light: f64) -> f64 {
    if light <= 0.003_130_8 {
        12.92 * light
    } else {
        1.055 * light.powf(1.0 / 2.4) - 0.055
    }
}

/// Colours all over the cube of sRGB, all of which the larger spaces have.
fn colours() -> Vec<[u8; 3]> {
    let levels = [0, 20, 60, 100, 140, 180, 220, 255];
    let all = levels.map(|red| levels.map(|green| levels.map(|blue| [red, green, blue])));
    all.as_flattened().as_flattened().to_vec()
}

/// The same colours as numbers of another space, 0 … 1.
fn stored(matrix: &Matrix, curve: impl Fn(f64) -> f64) -> Vec<[f64; 3]> {
    let in_space = |colour: [u8; 3]| {
        let linear = times(matrix, times(&SRGB_TO_XYZ, colour.map(light)));
        linear.map(|light| curve(light.clamp(0.0, 1.0)))
    };
    colours().into_iter().map(in_space).collect()
}

fn eight(colours: &[[f64; 3]]) -> Stored {
    let image = RgbImage::from_fn(colours.len() as u32, 1, |x, _| {
        Rgb(colours[x as usize].map(|value| (value * 255.0).round() as u8))
    });
    Stored::Image(image.into())
}

fn sixteen(colours: &[[f64; 3]]) -> Stored {
    let image = ImageBuffer::from_fn(colours.len() as u32, 1, |x, _| {
        Rgb(colours[x as usize].map(|value| (value * 65_535.0).round() as u16))
    });
    Stored::Image(DynamicImage::ImageRgb16(image))
}

fn icc(profile: &ColorProfile) -> Colour {
    Colour::Icc(profile.encode().unwrap())
}

/// The largest and the mean difference to the colours that are meant, in levels.
fn far(converted: &DynamicImage) -> (u8, f64) {
    let converted = converted.to_rgb8();
    let expected = colours();
    let pairs = converted.pixels().zip(&expected);
    let each = pairs.flat_map(|(pixel, colour)| {
        let [red, green, blue] = pixel.0;
        let [r, g, b] = *colour;
        [red.abs_diff(r), green.abs_diff(g), blue.abs_diff(b)]
    });
    let each: Vec<u8> = each.collect();
    let sum: f64 = each.iter().copied().map(f64::from).sum();
    (each.iter().copied().max().unwrap(), sum / each.len() as f64)
}

#[test]
fn colours_come_out_as_they_look_whatever_they_are_saved_in() {
    let adobe = |light: f64| light.powf(256.0 / 563.0);
    let p3 = stored(&XYZ_TO_P3, encoded);
    let of_adobe = stored(&XYZ_TO_ADOBE, adobe);
    let code_points = Colour::Cicp {
        primaries: 12,
        transfer: 13,
    };
    let linear = Colour::Cicp {
        primaries: 1,
        transfer: 8,
    };
    let of_light: Vec<_> = colours().into_iter().map(|it| it.map(light)).collect();
    let gamma = Colour::Gamma {
        gamma: Some(1.0),
        chromaticities: Some([0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06]),
    };
    for (name, pixels, colour, at_most) in [
        (
            "Display P3",
            eight(&p3),
            icc(&ColorProfile::new_display_p3()),
            6,
        ),
        ("its code points", eight(&p3), code_points, 6),
        (
            "Adobe RGB",
            eight(&of_adobe),
            icc(&ColorProfile::new_adobe_rgb()),
            8,
        ),
        (
            "P3, 16 bits",
            sixteen(&p3),
            icc(&ColorProfile::new_display_p3()),
            1,
        ),
        ("linear", sixteen(&of_light), linear, 1),
        ("PNG's gamma", sixteen(&of_light), gamma, 1),
    ] {
        let before = match &pixels {
            Stored::Image(image) => far(image),
            Stored::Cmyk(_) => unreachable!(),
        };
        let (largest, mean) = far(&to_srgb(pixels, &colour));
        assert!(
            largest <= at_most && mean < 0.7,
            "{name}: {largest}, {mean}"
        );
        assert!(before.1 > 3.0, "{name} is no test: {before:?}");
    }
}

#[test]
fn what_is_srgb_already_keeps_every_level() {
    let levels: Vec<_> = colours()
        .into_iter()
        .map(|it| it.map(|v| f64::from(v) / 255.0))
        .collect();
    let films = |transfer| Colour::Cicp {
        primaries: 1,
        transfer,
    };
    let png = Colour::Gamma {
        gamma: Some(0.45455),
        chromaticities: None,
    };
    let srgb = icc(&ColorProfile::new_srgb());
    let nonsense = Colour::Icc(b"no profile".to_vec());
    let of_inks = Colour::Cicp {
        primaries: 200,
        transfer: 13,
    };
    for colour in [
        Colour::Unsaid,
        films(1),
        films(2),
        films(6),
        films(13),
        png,
        srgb,
        nonsense,
        of_inks,
    ] {
        assert_eq!(far(&to_srgb(eight(&levels), &colour)).0, 0, "{colour:?}");
    }
}

#[test]
fn grey_is_converted_by_a_grey_profile_and_alpha_stays() {
    let mut linear = ColorProfile::new_gray_with_gamma(1.0);
    linear.gray_trc = Some(ToneReprCurve::Lut(Vec::new()));
    let colour = icc(&linear);
    let half = GrayImage::from_pixel(3, 2, Luma([127]));
    let converted = to_srgb(Stored::Image(half.into()), &colour).to_luma8();
    // Half of the light is level 188 of sRGB.
    assert!(
        converted.pixels().all(|it| it.0[0].abs_diff(188) <= 1),
        "{converted:?}"
    );
    let clear = GrayAlphaImage::from_pixel(3, 2, LumaA([127, 90]));
    let converted = to_srgb(Stored::Image(clear.into()), &colour).to_luma_alpha8();
    assert!(
        converted
            .pixels()
            .all(|it| it.0[1] == 90 && it.0[0].abs_diff(188) <= 1)
    );
    // A profile of three colours is of grey as well.
    let p3 = icc(&ColorProfile::new_display_p3());
    let grey = GrayImage::from_pixel(3, 2, Luma([127]));
    let converted = to_srgb(Stored::Image(grey.into()), &p3).to_luma8();
    assert!(converted.pixels().all(|it| it.0[0].abs_diff(127) <= 1));
}

#[test]
fn alpha_is_no_colour() {
    let p3 = icc(&ColorProfile::new_display_p3());
    let image = RgbaImage::from_pixel(5, 3, Rgba([200, 30, 30, 77]));
    let converted = to_srgb(Stored::Image(image.into()), &p3).to_rgba8();
    assert!(converted.pixels().all(|it| it.0[3] == 77 && it.0[0] > 205));
}

#[test]
fn inks_take_light_away() {
    let image = RgbaImage::from_fn(4, 1, |x, _| {
        Rgba(
            [
                [0, 0, 0, 0],
                [255, 0, 0, 0],
                [0, 0, 0, 255],
                [0, 128, 0, 128],
            ][x as usize],
        )
    });
    let expected = [[255; 3], [0, 255, 255], [0; 3], [127, 63, 127]];
    let mixed = to_srgb(Stored::Cmyk(image), &icc(&ColorProfile::new_display_p3())).to_rgb8();
    assert_eq!(mixed.pixels().map(|it| it.0).collect::<Vec<_>>(), expected);
}

#[test]
fn a_picture_with_more_range_than_the_screen_looks_as_the_ordinary_one() {
    let levels = [0u8, 30, 80, 128, 180, 220];
    let pq = |light: f64| {
        let power = (light * 0.0203).powf(0.159_301_758);
        ((0.835_937_5 + 18.851_562_5 * power) / (1.0 + 18.687_5 * power)).powf(78.843_75)
    };
    let hlg = |light: f64| {
        let scene = (light * 0.203).powf(1.0 / 1.2);
        if scene <= 1.0 / 12.0 {
            (3.0 * scene).sqrt()
        } else {
            0.178_832_77 * (12.0 * scene - 0.284_668_92).ln() + 0.559_910_73
        }
    };
    let curves: [(u8, &dyn Fn(f64) -> f64); 2] = [(16, &pq), (18, &hlg)];
    for (transfer, curve) in curves {
        let stored: Vec<_> = levels.map(|level| [curve(light(level)); 3]).to_vec();
        let colour = Colour::Cicp {
            primaries: 9,
            transfer,
        };
        let converted = to_srgb(sixteen(&stored), &colour).to_rgb8();
        for (pixel, level) in converted.pixels().zip(levels) {
            let far = pixel.0.map(|value| value.abs_diff(level));
            assert!(
                far.iter().all(|far| *far <= 2),
                "{transfer}: {level} is {pixel:?}"
            );
        }
        // What is brighter than white paper is not cut off at once.
        let bright: Vec<_> = [1.0, 2.0].map(|light| [curve(light); 3]).to_vec();
        let bright = to_srgb(sixteen(&bright), &colour).to_rgb8();
        assert!(bright.get_pixel(0, 0).0[0] < bright.get_pixel(1, 0).0[0]);
    }
}
