//! Held against scikit-learn, against itself, and against what cannot be whitened.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::*;
use crate::error::{Error, FileError};

/// What scikit-learn made of some descriptors, see `data/make_whitening_goldens.py`.
#[derive(Deserialize)]
struct Golden {
    dimension: usize,
    keep: usize,
    rows: Vec<f32>,
    mean: Vec<f32>,
    components: Vec<f32>,
    variances: Vec<f32>,
    whitened: Vec<f32>,
    normalized: Vec<f32>,
}

fn goldens() -> Vec<Golden> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/goldens/whitening/cases.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn golden() -> Golden {
    goldens().swap_remove(0)
}

impl Golden {
    fn fit(&self, shrinkage: f32) -> Whitening {
        Whitening::fit(self.vectors(), self.keep, shrinkage).unwrap()
    }

    fn vectors(&self) -> Vectors<'_> {
        Vectors::new(&self.rows, self.dimension).unwrap()
    }

    fn count(&self) -> usize {
        self.vectors().len()
    }
}

fn assert_near(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let differences = found.iter().zip(expected).map(|(f, e)| (f - e).abs());
    let worst = differences.fold(0.0, f32::max);
    assert!(worst <= tolerance, "{what}: {worst}");
}

#[test]
fn equals_scikit_learn_up_to_the_sign_of_each_component() {
    for golden in goldens() {
        let name = format!("{} of {}", golden.count(), golden.dimension);
        let whitening = golden.fit(0.0);
        assert_near(&whitening.mean, &golden.mean, 1e-6, &name);
        let deviations: Vec<f32> = golden.variances.iter().map(|v| v.sqrt()).collect();
        let ours: Vec<f32> = whitening.scales.iter().map(|scale| 1.0 / scale).collect();
        assert_near(&ours, &deviations, 1e-6, &name);
        let axes = whitening.projection.as_vectors();
        let components = Vectors::new(&golden.components, golden.dimension).unwrap();
        let sign = |axis: usize| dot(axes.row(axis), components.row(axis)).signum();
        let signs: Vec<f32> = (0..golden.keep).map(sign).collect();
        let signed = |values: &[f32], signs: &[f32]| -> Vec<f32> {
            let each = values.iter().zip(signs.iter().cycle());
            each.map(|(value, sign)| value * sign).collect()
        };
        let axis_signs: Vec<f32> = signs
            .iter()
            .flat_map(|sign| vec![*sign; golden.dimension])
            .collect();
        let axes = signed(axes.values(), &axis_signs);
        assert_near(&axes, &golden.components, 1e-5, &name);
        let mut found = Vec::new();
        for (row, expected) in golden
            .vectors()
            .rows()
            .zip(golden.whitened.chunks_exact(golden.keep))
        {
            let values = whitening.apply(row).unwrap().as_slice().to_vec();
            let length = dot(expected, expected).sqrt();
            let components = signed(&values, &signs);
            let scaled: Vec<f32> = components.iter().map(|value| value * length).collect();
            assert_near(&scaled, expected, 1e-4, &name);
            found.extend(components);
        }
        assert_near(&found, &golden.normalized, 2e-5, &name);
    }
}

#[test]
fn many_at_once_are_whitened_as_one_by_one() {
    let golden = golden();
    let whitening = golden.fit(0.2);
    let many = Matrix::new(golden.rows.repeat(60), golden.dimension).unwrap();
    let whitened = whitening.apply_all(many.as_vectors()).unwrap();
    let whitened = whitened.as_vectors();
    assert_eq!(whitened.len(), 60 * golden.count());
    for (row, whitened) in many.as_vectors().rows().zip(whitened.rows()) {
        assert_near(
            whitened,
            whitening.apply(row).unwrap().as_slice(),
            1e-5,
            "row",
        );
    }
    // The mean itself has no direction.
    let mean = Vectors::new(&whitening.mean, golden.dimension).unwrap();
    let zero = Matrix::zeros(1, golden.keep).unwrap();
    assert_eq!(whitening.apply_all(mean).unwrap(), zero);
    assert!(matches!(
        whitening.apply(&whitening.mean),
        Err(DescriptorError::ZeroDescriptor)
    ));
}

#[test]
fn the_axes_are_those_of_the_covariance_whether_there_are_more_descriptors_or_values() {
    // The same descriptors with columns of zeros: now there are fewer of them than values.
    let golden = golden();
    let wider = 3 * golden.dimension;
    let mut widened = Matrix::zeros(golden.count(), wider).unwrap();
    for (wide, row) in widened.rows_mut().zip(golden.vectors().rows()) {
        wide[..row.len()].copy_from_slice(row);
    }
    let narrow = golden.fit(0.0);
    let wide = Whitening::fit(widened.as_vectors(), golden.keep, 0.0).unwrap();
    assert_near(&wide.scales, &narrow.scales, 1e-3, "scales");
    let whitened = [(&wide, widened.as_vectors()), (&narrow, golden.vectors())];
    let whitened = whitened.map(|(whitening, rows)| whitening.apply_all(rows).unwrap());
    let [wide, narrow] = whitened.each_ref().map(|one| one.as_vectors().values());
    assert_near(wide, narrow, 1e-4, "descriptors");
}

#[test]
fn shrinkage_goes_from_equal_spread_to_pca_alone() {
    let golden = golden();
    let ratio = |shrinkage: f32| {
        let scales = golden.fit(shrinkage).scales;
        scales[golden.keep - 1] / scales[0]
    };
    let plain = (golden.variances[0] / golden.variances[golden.keep - 1]).sqrt();
    assert!((ratio(0.0) - plain).abs() < 1e-3);
    assert!(ratio(0.5) < ratio(0.1) && ratio(0.1) < ratio(0.0));
    assert!((ratio(1.0) - 1.0).abs() < 1e-6);
}

#[test]
fn what_cannot_be_whitened_is_refused() {
    let golden = golden();
    let fit = |rows: &[f32], keep| {
        let rows = Vectors::new(rows, golden.dimension)?;
        Whitening::fit(rows, keep, 0.0)
    };
    assert!(matches!(
        fit(&golden.rows, golden.dimension + 1),
        Err(DescriptorError::TooFewToWhiten { most, .. }) if most == golden.dimension
    ));
    let three = &golden.rows[..3 * golden.dimension];
    for (rows, keep, expected) in [(three, 3, 2), (three, 0, 2), (&[][..], 1, 0)] {
        let fitted = fit(rows, keep);
        assert!(
            matches!(fitted, Err(DescriptorError::TooFewToWhiten { most, .. }) if most == expected),
            "{fitted:?}"
        );
    }
    // Equal photos differ along no axis, however many there are.
    let equal = three.repeat(20);
    assert!(matches!(
        fit(&equal, 3),
        Err(DescriptorError::TooFewToWhiten { most: 2, .. })
    ));
    assert!(matches!(
        fit(&golden.rows[1..], 2),
        Err(DescriptorError::WrongDimension { .. })
    ));
    let mut nan = golden.rows.clone();
    nan[5] = f32::NAN;
    assert!(matches!(
        fit(&nan, 2),
        Err(DescriptorError::NonFiniteDescriptor)
    ));
    for shrinkage in [-0.1, 1.1, f32::NAN] {
        let fitted = Whitening::fit(golden.vectors(), 2, shrinkage);
        assert!(matches!(
            fitted,
            Err(DescriptorError::InvalidShrinkage { .. })
        ));
    }
    let whitening = golden.fit(0.0);
    assert!(matches!(
        whitening.apply(&golden.rows),
        Err(DescriptorError::WrongDimension { .. })
    ));
    let narrower = Vectors::new(&golden.rows, golden.dimension / 2).unwrap();
    assert!(matches!(
        whitening.apply_all(narrower),
        Err(DescriptorError::WrongDimension { .. })
    ));
}

fn fingerprint(golden: &Golden) -> Fingerprint {
    let recipe = "m:a/gap@crop=8".parse().unwrap();
    Fingerprint::new(recipe, "7".repeat(64), golden.dimension)
}

#[test]
fn a_saved_whitening_reads_back_and_equal_ones_make_equal_files() {
    let golden = golden();
    let whitening = golden.fit(0.1).fitted_on(&fingerprint(&golden));
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("a"), dir.path().join("b"));
    whitening.save(&first).unwrap();
    golden
        .fit(0.1)
        .fitted_on(&fingerprint(&golden))
        .save(&second)
        .unwrap();
    let read = Whitening::load(&first).unwrap();
    assert_eq!(read, whitening);
    assert_eq!(read.digest(), whitening.digest());
    assert_ne!(read.digest(), golden.fit(0.2).digest());
    assert_eq!(read.origin().photos, 40);
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
}

#[test]
fn a_damaged_file_is_refused_by_name() {
    let golden = golden();
    let path = tempfile::tempdir().unwrap().keep().join("w.safetensors");
    golden.fit(0.0).save(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    let mut changed = whole.clone();
    let end = changed.len() - 4;
    changed[end..].copy_from_slice(&f32::NAN.to_le_bytes());
    for bytes in [&whole[..whole.len() - 1], &whole[..20], &[], &changed] {
        fs::write(&path, bytes).unwrap();
        let loaded = Whitening::load(&path);
        assert!(matches!(
            loaded,
            Err(Error::Descriptor(DescriptorError::DamagedWhitening { .. }))
        ));
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(
        Whitening::load(&path),
        Err(Error::File(FileError::Read { .. }))
    ));
}

#[test]
fn descriptors_made_otherwise_are_refused() {
    let golden = golden();
    let right = fingerprint(&golden);
    let whitening = golden.fit(0.0).fitted_on(&right);
    whitening.check(&right).unwrap();
    let recipe = "m:a/gap@crop=9".parse().unwrap();
    let wrong = Fingerprint::new(recipe, "7".repeat(64), golden.dimension);
    assert!(matches!(
        whitening.check(&wrong),
        Err(DescriptorError::WhiteningMismatch {
            what: "preprocessing",
            ..
        })
    ));
    let wider = right.with_dimension(13);
    assert!(matches!(
        whitening.check(&wider),
        Err(DescriptorError::WrongDimension { .. })
    ));
}
