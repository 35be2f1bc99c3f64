//! Input sizes and crops that a tuning tries.

use crate::error::{PhotoError, Result};
use crate::photo::{Preprocess, Size};

/// How much longer the sides are than those the network was trained with: networks see details of
/// larger pictures better up to about this (Touvron et al., "Fixing the train-test resolution
/// discrepancy", 2019).
const LONGER: [f32; 3] = [1.0, 1.3, 1.6];
/// Sides are multiples of this, which the strides of most networks divide.
const STEP: f32 = 32.0;

/// Preprocessings to try: the model's own first, then at each size its crop and the whole picture.
///
/// # Errors
/// [`PhotoError::PictureTooLong`], [`PhotoError::CropTooLarge`] if the model's own has no size.
pub fn preprocessings(own: &Preprocess) -> Result<Vec<Preprocess>, PhotoError> {
    let mut tried = vec![own.clone()];
    let (side, _) = own.output_size(512, 512)?;
    let side = side as f32;
    // How much of the short side the crop keeps.
    let kept = match own.resize {
        Size::Side(resize) if resize > 0 => (side / resize as f32).min(1.0),
        _ => 1.0,
    };
    for longer in LONGER {
        let side = ((side * longer / STEP).round() * STEP).max(STEP);
        let resize = (side / kept).round() as u32;
        let side = side as u32;
        for keys in [
            format!("resize={resize},crop={side}"),
            format!("resize={side},crop=none"),
        ] {
            let preprocess = own.with(&keys)?;
            if !tried.contains(&preprocess) {
                tried.push(preprocess);
            }
        }
    }
    Ok(tried)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_comes_first_and_each_size_is_tried_cropped_and_whole() {
        let own: Preprocess = "resize=256,crop=224".parse().unwrap();
        let tried = preprocessings(&own).unwrap();
        assert_eq!(tried[0], own);
        let texts: Vec<String> = tried.iter().map(ToString::to_string).collect();
        let starts = [
            "resize=256,crop=224",
            "resize=224,crop=none",
            "resize=329,crop=288",
            "resize=288,crop=none",
            "resize=402,crop=352",
            "resize=352,crop=none",
        ];
        for (text, start) in texts.iter().zip(starts) {
            assert!(text.starts_with(start), "{text}");
        }
        assert_eq!(texts.len(), starts.len());
    }
}
