//! Ingestion over the way of a GPU, on a device that does as it is told.

#[path = "../../tests/common/seeded.rs"]
mod seeded;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::RgbImage;
use tempfile::TempDir;

use super::*;
use crate::backbone::{Architecture, Placement, Precision};
use crate::descriptor::Recipe;
use crate::error::NetworkError;
use crate::extract::faults::Faults;
use crate::gallery::Snapshot;

const PHOTOS: usize = 40;

/// Photos of four sizes, and weights.
fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    fs::create_dir(&photos).unwrap();
    for number in 0..PHOTOS as u32 {
        let (width, height) = [(40, 40), (56, 40), (40, 72), (64, 64)][number as usize % 4];
        let pixel = |x: u32, y: u32| {
            let wave = |step: u32| (x * step + y * (number + 3)) as u8;
            image::Rgb([wave(number + 1), wave(2 * number + 5), wave(7)])
        };
        let picture = RgbImage::from_fn(width, height, pixel);
        picture.save(photos.join(format!("{number}.png"))).unwrap();
    }
    let network = Architecture::find("efficientnet_lite0").unwrap().network();
    seeded::write(&network, 0, &dir.path().join("weights.safetensors"));
    dir
}

fn extractor(dir: &TempDir, placement: &Placement) -> Extractor {
    let recipe: Recipe = "efficientnet_lite0:blocks.0/gem*0.5+blocks.2@resize=32,crop=none"
        .parse()
        .unwrap();
    Extractor::load(&recipe, &dir.path().join("weights.safetensors"), placement).unwrap()
}

fn candle(precision: Precision) -> Placement {
    Placement::open("candle", precision).unwrap()
}

/// Indexes the photos into a gallery of that name.
fn index(
    dir: &TempDir,
    gallery: &str,
    extractor: &Extractor,
) -> (Result<IngestReport>, Vec<String>) {
    let mut gallery = Gallery::create_or_open_with(dir.path().join(gallery), extractor).unwrap();
    let mut told = Vec::new();
    let report = gallery
        .index([dir.path().join("photos")])
        .with(extractor)
        .run(|event| {
            if let IngestEvent::DeviceLost { reason } = event {
                told.push(reason.to_owned());
            }
            ControlFlow::Continue(())
        });
    (report, told)
}

/// A photo and its descriptor.
type Described = (PathBuf, Vec<f32>);

/// All photos, by path.
fn descriptors(dir: &TempDir, gallery: &str) -> Vec<Described> {
    let gallery = Gallery::open(&dir.path().join(gallery)).unwrap();
    let records: Result<Vec<Record>, _> = gallery.records().collect();
    let of = |record: Record| {
        let descriptor = gallery.descriptor(&record.hash).unwrap().unwrap();
        (record.path, descriptor)
    };
    records.unwrap().into_iter().map(of).collect()
}

/// The least cosine of the same photos' descriptors in both.
fn least_cosine(a: &[Described], b: &[Described]) -> f32 {
    assert_eq!(a.len(), b.len());
    let cosine = |((path, a), (other, b)): (&Described, &Described)| {
        assert_eq!(path, other);
        a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>()
    };
    a.iter().zip(b).map(cosine).fold(1.0, f32::min)
}

fn out_of_memory() -> NetworkError {
    let source = "CUDA_ERROR_OUT_OF_MEMORY".into();
    NetworkError::OutOfMemory { source }
}

fn lost() -> NetworkError {
    let source = "CUDA_ERROR_LAUNCH_FAILED".into();
    NetworkError::DeviceLost { source }
}

/// Lost when so many pictures have been given to it.
fn lost_after(pictures: usize) -> Faults {
    let mut given = 0;
    Faults::new(move |group| {
        given += group.len();
        (given > pictures).then(lost)
    })
}

#[test]
fn the_way_of_a_gpu_gives_what_a_cpu_gives_in_every_precision() {
    let dir = folder();
    let (report, _) = index(&dir, "cpu", &extractor(&dir, &Placement::cpu()));
    assert_eq!(report.unwrap().added, PHOTOS);
    let expected = descriptors(&dir, "cpu");
    // Candle has no bf16 on a CPU.
    for (precision, least) in [(Precision::F32, 0.999_999), (Precision::F16, 0.9999)] {
        let name = precision.to_string();
        let (report, _) = index(&dir, &name, &extractor(&dir, &candle(precision)));
        let report = report.unwrap();
        assert_eq!(report.added, PHOTOS, "{:?}", report.skipped.first());
        let cosine = least_cosine(&descriptors(&dir, &name), &expected);
        assert!(cosine > least, "{name}: {cosine}");
    }
}

#[test]
fn a_cpu_goes_on_with_a_gallery_made_in_f16_and_both_are_told() {
    let dir = folder();
    let photo = dir.path().join("photos/0.png");
    let aside = dir.path().join("0.png");
    fs::rename(&photo, &aside).unwrap();
    let half = extractor(&dir, &candle(Precision::F16));
    index(&dir, "both", &half).0.unwrap();
    let told = || {
        let gallery = Gallery::open(&dir.path().join("both")).unwrap();
        let snapshot = Snapshot::open(gallery.dir()).unwrap();
        assert_eq!(snapshot.precisions(), gallery.precisions());
        gallery.precisions().to_string()
    };
    assert_eq!(told(), "f16");
    let cpu = extractor(&dir, &Placement::cpu());
    // A run without anything to describe changes nothing.
    assert_eq!(index(&dir, "both", &cpu).0.unwrap().unchanged, PHOTOS - 1);
    assert_eq!(told(), "f16");
    fs::rename(&aside, &photo).unwrap();
    assert_eq!(index(&dir, "both", &cpu).0.unwrap().added, 1);
    assert_eq!(told(), "f32 and f16");
}

#[test]
fn a_batch_that_does_not_fit_is_halved_and_no_photo_is_skipped() {
    let dir = folder();
    index(&dir, "cpu", &extractor(&dir, &Placement::cpu()))
        .0
        .unwrap();
    let largest = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&largest);
    let faults = Faults::new(move |group| {
        if group.len() > 3 {
            return Some(out_of_memory());
        }
        seen.fetch_max(group.len(), Ordering::Relaxed);
        None
    });
    let extractor = extractor(&dir, &candle(Precision::F32)).failing(faults);
    let (report, told) = index(&dir, "halved", &extractor);
    let report = report.unwrap();
    assert_eq!((report.added, report.skipped.len()), (PHOTOS, 0));
    assert!(told.is_empty() && report.device_lost.is_none());
    assert!(largest.load(Ordering::Relaxed) > 1);
    let (halved, expected) = (descriptors(&dir, "halved"), descriptors(&dir, "cpu"));
    assert!(least_cosine(&halved, &expected) > 0.999_999);
}

#[test]
fn a_photo_that_does_not_fit_by_itself_is_skipped_and_the_others_are_not() {
    let dir = folder();
    let faults = Faults::new(|group| {
        let is_large = group.iter().any(|pixels| pixels.height > 40);
        is_large.then(out_of_memory)
    });
    let extractor = extractor(&dir, &candle(Precision::F32)).failing(faults);
    let report = index(&dir, "large", &extractor).0.unwrap();
    assert_eq!(
        (report.added, report.skipped.len()),
        (PHOTOS * 3 / 4, PHOTOS / 4)
    );
    let kinds = report.skipped.iter().map(|skipped| skipped.reason.kind());
    assert!(kinds.into_iter().all(|kind| kind == "device-memory"));
}

#[test]
fn what_was_described_before_a_device_is_lost_is_kept_and_the_next_run_does_the_rest() {
    let dir = folder();
    let failing = extractor(&dir, &candle(Precision::F32)).failing(lost_after(25));
    let (report, told) = index(&dir, "lost", &failing);
    let error = report.unwrap_err();
    assert!(is_lost_device(&error), "{error}");
    assert!(told.is_empty());
    let kept = descriptors(&dir, "lost").len();
    assert!((1..=25).contains(&kept), "{kept}");
    let snapshot = Snapshot::open(&dir.path().join("lost")).unwrap();
    assert_eq!(snapshot.len(), kept);
    let (report, _) = index(&dir, "lost", &extractor(&dir, &Placement::cpu()));
    let report = report.unwrap();
    assert_eq!((report.unchanged, report.added), (kept, PHOTOS - kept));
}

#[test]
fn where_any_device_was_asked_for_the_cpu_goes_on_and_it_is_said_once() {
    let dir = folder();
    index(&dir, "cpu", &extractor(&dir, &Placement::cpu()))
        .0
        .unwrap();
    let failing = extractor(&dir, &Placement::any_by_candle()).failing(lost_after(25));
    let (report, told) = index(&dir, "any", &failing);
    let report = report.unwrap();
    assert_eq!((report.added, report.skipped.len()), (PHOTOS, 0));
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("CUDA_ERROR_LAUNCH_FAILED"), "{told:?}");
    assert_eq!(report.device_lost.as_deref(), Some(told[0].as_str()));
    let cosine = least_cosine(&descriptors(&dir, "any"), &descriptors(&dir, "cpu"));
    assert!(cosine > 0.999_999, "{cosine}");
}

#[test]
fn a_lost_device_ends_what_a_whitening_is_fitted_on() {
    let dir = folder();
    let failing = extractor(&dir, &candle(Precision::F32)).failing(lost_after(9));
    let paths = [dir.path().join("photos")];
    let made = descriptors_of(&paths, &failing, &IngestOptions::default(), &mut |_| {
        ControlFlow::Continue(())
    });
    assert!(is_lost_device(&made.unwrap_err()));
}
