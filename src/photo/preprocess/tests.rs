use proptest::prelude::*;

use super::*;

fn size() -> impl Strategy<Value = Size> {
    prop_oneof![
        Just(Size::Unchanged),
        (1u32..600).prop_map(Size::Side),
        (1u32..600, 1u32..600).prop_map(|(height, width)| Size::Exact { height, width }),
    ]
}

proptest! {
    #[test]
    fn a_printed_preprocessing_parses_to_itself(resize in size(), crop in size(), mean in 0f32..1.0, full in any::<bool>(), bgr in any::<bool>(), scale in 1u8..) {
        let decoding = if full { Decoding::Full } else { Decoding::Reduced };
        let order = if bgr { ChannelOrder::Bgr } else { ChannelOrder::Rgb };
        let preprocess = Preprocess {
            resize, crop, order, scale: f32::from(scale), mean: [mean, 0.25, 0.5], decoding,
            ..Preprocess::default()
        };
        prop_assert_eq!(preprocess.to_string().parse::<Preprocess>().unwrap(), preprocess);
    }

    #[test]
    fn pixels_have_the_size_that_was_told_ahead(
        resize in 1u32..80, crop in 1u32..80, height in 1u32..200, width in 1u32..200,
    ) {
        let preprocess = Preprocess {
            resize: Size::Side(resize.max(crop)), crop: Size::Side(crop), ..Preprocess::default()
        };
        let pixels = preprocess.apply(&RgbImage::new(width, height)).unwrap();
        let told = preprocess.output_size(height, width).unwrap();
        prop_assert_eq!((pixels.height as u32, pixels.width as u32), told);
        prop_assert_eq!(pixels.rgb.len(), 3 * pixels.height * pixels.width);
    }
}

#[test]
#[expect(clippy::float_cmp, reason = "what was read is what was written")]
fn only_what_is_named_changes() {
    let default: Preprocess = "resize=256,crop=224,mean=0.5/0.5/0.5".parse().unwrap();
    let changed = default.with("resize=320,crop=none").unwrap();
    assert_eq!(
        (changed.resize, changed.crop),
        (Size::Side(320), Size::Unchanged)
    );
    assert_eq!(changed.mean, [0.5; 3]);
    assert_eq!(default.with("none").unwrap().crop, Size::Unchanged);
}

#[test]
fn unknown_and_impossible_parts_are_errors_that_name_them() {
    for part in [
        "size=3",
        "resize=0",
        "crop=-1",
        "std=0/1/1",
        "mean=1/2",
        "interpolation=best",
        "decode=half",
        "order=grb",
        "scale=0",
        "resize",
    ] {
        let error = part.parse::<Preprocess>().unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn a_very_long_picture_costs_no_more_than_its_crop() {
    let preprocess: Preprocess = "resize=256,crop=224".parse().unwrap();
    for (width, height) in [(1, 8000), (8000, 1), (1, 1)] {
        let pixels = preprocess.apply(&RgbImage::new(width, height)).unwrap();
        assert_eq!((pixels.height, pixels.width), (224, 224));
    }
    let whole = preprocess.with("crop=none").unwrap();
    let refused = whole.apply(&RgbImage::new(1, 8000));
    assert!(matches!(refused, Err(PhotoError::PictureTooLong { .. })));
}

#[test]
#[expect(clippy::float_cmp, reason = "no pixel may change at all")]
fn none_keeps_every_pixel() {
    let image = RgbImage::from_fn(5, 3, |x, y| image::Rgb([x as u8, y as u8, 255]));
    let preprocess = Preprocess::default();
    let pixels = preprocess.apply(&image).unwrap();
    assert_eq!((pixels.height, pixels.width), (3, 5));
    let values = preprocess.normalized(&pixels);
    assert_eq!(values[7], 2.0 / 255.0);
    assert_eq!(values[15 + 7], 1.0 / 255.0);
    assert_eq!(values[30], 1.0);
}

/// The formula of `data/make_preprocess_goldens.py`.
fn painted(width: u32, height: u32) -> RgbImage {
    let level = |x: u32, y: u32, c: u32| {
        let stripes = (x * 7 + y * 3 * (c + 1)) % 256;
        let waves = (x * y + 31 * c + x * x) % 256;
        (if (x / 9 + y / 7) % 2 == 1 {
            stripes
        } else {
            waves
        }) as u8
    };
    RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([0, 1, 2].map(|c| level(x, y, c)))
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    text.as_bytes().chunks(2).map(byte).collect()
}

#[test]
fn resizing_and_cropping_agree_with_torchvision_to_one_grey_level() {
    let goldens = include_str!("../../../data/goldens/preprocess/cases.json");
    let cases: Vec<serde_json::Value> = serde_json::from_str(goldens).unwrap();
    assert_eq!(cases.len(), 16);
    for case in &cases {
        let side = |key: &str| case[key].as_u64().unwrap() as u32;
        let text = case["preprocess"].as_str().unwrap();
        let preprocess: Preprocess = text.parse().unwrap();
        let pixels = preprocess
            .apply(&painted(side("width"), side("height")))
            .unwrap();
        let expected = unhex(case["rgb"].as_str().unwrap());
        assert_eq!(
            (pixels.height as u32, pixels.width as u32),
            (side("out_height"), side("out_width")),
            "{text}"
        );
        let found = |at: usize| f32::from(pixels.rgb[at]);
        let differences = expected
            .iter()
            .enumerate()
            .map(|(at, level)| (found(at) - f32::from(*level)).abs());
        let largest = differences.fold(0.0, f32::max);
        let allowed = if preprocess.interpolation == Interpolation::Nearest {
            0.0
        } else {
            1.0
        };
        assert!(
            largest <= allowed,
            "{text} of {case}: {largest} grey levels"
        );
    }
}

#[test]
fn caffes_networks_get_bytes_in_their_order_less_the_means() {
    let preprocess: Preprocess = "none,order=bgr,scale=255,mean=103.939/116.779/123.68"
        .parse()
        .unwrap();
    let picture = RgbImage::from_pixel(2, 1, image::Rgb([255, 10, 0]));
    let values = preprocess.normalized(&preprocess.apply(&picture).unwrap());
    let [blue, green, red] = [0.0 - 103.939, 10.0 - 116.779, 255.0 - 123.68];
    assert_eq!(values, [blue, blue, green, green, red, red]);
}
