//! Asking in full, by the library and by the command, and what cannot be asked.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{Rgb, RgbImage};
use imgsearch::descriptor::{Descriptor, Fingerprint, UnitVector};
use imgsearch::error::{DescriptorError, GalleryError};
use imgsearch::gallery::Record;
use imgsearch::photo::{ContentHash, Photo, Picture, Region};
use imgsearch::resolve::{self, Overrides};
use imgsearch::search::{Answer, Example, UNLIKE_WEIGHT};
use imgsearch::{Error, Extractor, Gallery, Searcher};
use serde_json::Value;

use crate::common::paint::{Scene, paint};
use crate::common::{SMALL, Workspace, said, weights};

/// Convolutions tell colours and textures apart before they are trained.
const RECIPE: &str = "efficientnet_lite0:blocks.2/gem";

fn overrides(recipe: &str) -> Overrides {
    Overrides {
        recipe: Some(format!("{recipe}@{SMALL}")),
        weights: Some(weights().to_owned()),
        ..Overrides::default()
    }
}

fn extractor(recipe: &str) -> Extractor {
    resolve::extractor(&overrides(recipe), &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Painted photos, indexed.
fn indexed(scenes: usize, views: u64) -> (Workspace, PathBuf) {
    let w = Workspace::painted(scenes, views);
    let dir = w.path(".imgsearch");
    let extractor = extractor(RECIPE);
    let mut gallery = Gallery::create_or_open_with(&dir, &extractor).unwrap();
    let indexing = gallery.index([w.path("photos")]).with(&extractor);
    indexing.run(|_| ControlFlow::Continue(())).unwrap();
    (w, dir)
}

fn searcher(dir: &Path) -> Searcher {
    let own = Overrides {
        weights: Some(weights().to_owned()),
        ..Overrides::default()
    };
    Searcher::open_with(dir, &own).unwrap()
}

fn names(answer: &Answer) -> Vec<String> {
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let matches = answer.matches.iter();
    matches.map(|found| name(&found.record.path)).collect()
}

#[test]
fn an_extractor_that_makes_other_descriptors_cannot_be_ingested_from() {
    let (w, dir) = indexed(2, 2);
    let mut gallery = Gallery::open(&dir).unwrap();
    let other_crop = Overrides {
        preprocess: Some("crop=56".to_owned()),
        ..overrides(RECIPE)
    };
    let other_crop = resolve::extractor(&other_crop, &mut |_| ControlFlow::Continue(())).unwrap();
    for (other, what) in [
        (extractor("efficientnet_lite0:blocks.2/max"), "spec"),
        (other_crop, "preprocessing"),
    ] {
        let indexing = gallery.index([w.path("photos")]).with(&other);
        let refused = indexing
            .run(|_| panic!("nothing is looked at"))
            .unwrap_err();
        assert!(
            matches!(&refused, Error::Gallery(GalleryError::SpecMismatch { what: found, .. }) if *found == what),
            "{refused}"
        );
    }
    assert_eq!(gallery.records().count(), 4);
}

#[test]
fn a_foreign_descriptor_is_neither_written_nor_asked_with() {
    let (_w, dir) = indexed(2, 2);
    let mut gallery = Gallery::open(&dir).unwrap();
    let own = gallery.fingerprint();
    let recipe = own.recipe().clone();
    let foreign = Arc::new(Fingerprint::new(recipe, "f".repeat(64), own.dimension()));
    let vector = UnitVector::normalize(vec![1.0; own.dimension()]).unwrap();
    let descriptor = Descriptor::new(vector, &foreign).unwrap();
    let record = Record {
        path: "/foreign.jpg".into(),
        size: 1,
        modified: 1,
        hash: ContentHash::of(b"foreign"),
        width: 1,
        height: 1,
        facts: None,
        tags: Vec::new(),
    };
    let is_refused = |error: &Error| {
        matches!(
            error,
            Error::Descriptor(DescriptorError::Foreign {
                what: "weights",
                ..
            })
        )
    };
    let written = gallery.write(&[(record, Some(descriptor.clone()))], &[]);
    assert!(is_refused(&written.unwrap_err()));
    assert_eq!(gallery.records().count(), 4);
    assert!(is_refused(
        &searcher(&dir).like(descriptor).map(|_| ()).unwrap_err()
    ));
}

#[test]
fn a_query_made_otherwise_cannot_be_asked_even_with_a_photo_of_the_gallery() {
    let (w, dir) = indexed(2, 2);
    for recipe in ["efficientnet_lite0:blocks.2/max", "efficientnet_lite0:head"] {
        let searcher = Searcher::open_with(&dir, &overrides(recipe)).unwrap();
        let refused = searcher
            .like(w.path("photos/city_0.png"))
            .map(|_| ())
            .unwrap_err();
        assert!(
            matches!(
                refused,
                Error::Gallery(GalleryError::SpecMismatch { what: "spec", .. })
            ),
            "{refused}"
        );
    }
}

#[test]
fn a_gallery_is_opened_only_by_the_recipe_that_made_it() {
    let (_w, dir) = indexed(1, 1);
    let line = format!("{RECIPE}@{SMALL}");
    Gallery::create_or_open(&dir, &line.parse().unwrap()).unwrap();
    for other in [
        RECIPE.to_owned(),
        format!("efficientnet_lite0:head@{SMALL}"),
    ] {
        let opened = Gallery::create_or_open(&dir, &other.parse().unwrap());
        let refused = opened.map(|_| ()).unwrap_err();
        assert!(
            matches!(refused, Error::Gallery(GalleryError::SpecMismatch { .. })),
            "{refused}"
        );
    }
}

#[test]
fn a_picture_is_asked_with_as_a_path_as_bytes_as_pixels_or_as_a_descriptor() {
    let (w, dir) = indexed(3, 2);
    let searcher = searcher(&dir);
    let path = w.path("new.png");
    paint(Scene::ALL[0].0, 9, 160, 120).save(&path).unwrap();
    let photo = Photo::read(&path).unwrap();
    let descriptor = searcher.extractor().unwrap().describe(&photo).unwrap();
    let expected = searcher
        .like(path.to_str().unwrap())
        .unwrap()
        .run()
        .unwrap();
    let examples: Vec<Example> = vec![
        path.as_path().into(),
        fs::read(&path).unwrap().into(),
        photo.decode().unwrap().into(),
        photo.into(),
        descriptor.into(),
    ];
    for example in examples {
        let answer = searcher.like(example).unwrap().run().unwrap();
        assert_eq!(answer.matches, expected.matches);
    }
}

#[test]
fn a_weighted_sum_is_asked_with_and_the_order_follows_the_weights() {
    let (w, dir) = indexed(3, 3);
    let searcher = searcher(&dir);
    let snapshot = searcher.snapshot();
    let described = |name: &str| {
        let found = snapshot.find(&w.path(name).canonicalize().unwrap(), None);
        snapshot.descriptor(found.unwrap().1).unwrap()
    };
    let [city, beach] =
        [Scene::ALL[0].1, Scene::ALL[1].1].map(|scene| format!("photos/{scene}_0.png"));
    let (a, b) = (described(&city), described(&beach));
    for (of_a, of_b) in [
        (1.0, 1.0),
        (3.0, 1.0),
        (1.0, 5.0),
        (1.0, -UNLIKE_WEIGHT),
        (1.0, -1.0),
    ] {
        let query = searcher.query().weighted(of_a, w.path(&city)).unwrap();
        let query = query.weighted(of_b, w.path(&beach)).unwrap();
        let answer = query.k(9).run().unwrap();
        // The cosine of every photo with w·a + u·b.
        let sum: Vec<f32> = (a.as_slice().iter().zip(b.as_slice()))
            .map(|(a, b)| of_a * a + of_b * b)
            .collect();
        let sum = UnitVector::normalize(sum).unwrap();
        for found in &answer.matches {
            let (_, vector) = snapshot.find(&found.record.path, None).unwrap();
            let expected = snapshot
                .descriptor(vector)
                .unwrap()
                .vector()
                .similarity(&sum);
            assert!((found.similarity - expected).abs() < 1e-5);
        }
        assert_eq!(answer.matches.len(), 9);
    }
    let plain = searcher.like(w.path(&city)).unwrap().run().unwrap();
    let unlike = searcher
        .like(w.path(&city))
        .unwrap()
        .unlike(w.path(&beach))
        .unwrap();
    let unlike = unlike.run().unwrap();
    assert!((unlike.queries[1].weight + UNLIKE_WEIGHT).abs() < 1e-6);
    assert_ne!(names(&unlike), names(&plain));
    let place = |answer: &Answer| {
        names(answer)
            .iter()
            .position(|name| beach.ends_with(name.as_str()))
    };
    assert!(place(&unlike) > place(&plain));
    // What cancels out has no direction.
    let nothing = searcher.query().weighted(1.0, w.path(&city)).unwrap();
    let nothing = nothing.weighted(-1.0, w.path(&city)).unwrap().run();
    assert!(matches!(
        nothing,
        Err(Error::Descriptor(DescriptorError::CancelledOut))
    ));
}

#[test]
fn a_photo_of_the_gallery_is_asked_with_though_its_file_is_gone() {
    let (w, dir) = indexed(2, 2);
    let searcher = Searcher::open(&dir).unwrap();
    let path = w.path("photos").join(format!("{}_1.png", Scene::ALL[0].1));
    // No weights are given: none are needed.
    let before = searcher.like(&path).unwrap().run().unwrap();
    assert_eq!(before.matches[0].record.path, path.canonicalize().unwrap());
    fs::remove_file(&path).unwrap();
    let after = searcher.like(&path).unwrap().not_itself().run().unwrap();
    assert_eq!(after.matches[..], before.matches[1..]);
    assert!(searcher.like(w.path("photos/never_was.png")).is_err());
}

#[test]
fn a_region_is_described_as_the_picture_that_it_is_after_the_exif_turn() {
    let (w, dir) = indexed(2, 2);
    let searcher = searcher(&dir);
    let [left, right] = [0, 1].map(|scene| paint(Scene::ALL[scene].0, 5, 80, 120));
    let mut both = RgbImage::new(160, 120);
    for (x, y, pixel) in both.enumerate_pixels_mut() {
        let (half, x) = if x < 80 { (&left, x) } else { (&right, x - 80) };
        *pixel = *half.get_pixel(x, y);
    }
    let alone = searcher.like(Picture::new(left)).unwrap().run().unwrap();
    let path = w.path("both.png");
    both.save(&path).unwrap();
    for region in ["0,0,80,120", "0%,0%,50%,100%", "0,0,50%,120"] {
        let region: Region = region.parse().unwrap();
        for example in [Example::from(&path), Picture::new(both.clone()).into()] {
            let answer = searcher
                .like(example.region(region))
                .unwrap()
                .run()
                .unwrap();
            assert_eq!(answer.matches, alone.matches);
        }
    }
    // Lying on its side, with EXIF data that say so: the region is of the upright picture.
    let turned = image::imageops::rotate270(&both);
    let upright = w.path("turned.png");
    fs::write(&upright, with_orientation(&turned, 6)).unwrap();
    let decoded = Photo::read(&upright).unwrap().decode().unwrap();
    assert_eq!((decoded.width, decoded.height), (160, 120));
    let region: Region = "0,0,80,120".parse().unwrap();
    let answer = searcher
        .like(Example::from(&upright).region(region))
        .unwrap();
    assert_eq!(answer.run().unwrap().matches, alone.matches);
}

/// A PNG with an `eXIf` chunk that says how it is turned.
fn with_orientation(image: &RgbImage, orientation: u8) -> Vec<u8> {
    let mut png = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut png);
    image.write_with_encoder(encoder).unwrap();
    let mut exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let mut chunk = (exif.len() as u32).to_be_bytes().to_vec();
    let mut body = b"eXIf".to_vec();
    body.extend(exif);
    chunk.extend(&body);
    chunk.extend(crc32(&body).to_be_bytes());
    // Behind the header: eight bytes of magic, and a chunk of thirteen bytes.
    png.splice(33..33, chunk);
    png
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 * (crc & 1))
        })
    };
    !bytes.iter().fold(!0, step)
}

#[test]
fn a_folder_is_asked_with_as_the_mean_of_its_pictures_and_tells_what_it_skipped() {
    let (w, dir) = indexed(3, 3);
    let searcher = searcher(&dir);
    fs::create_dir(w.path("album")).unwrap();
    let paths = [4, 5].map(|view| w.path(&format!("album/{view}.png")));
    for (view, path) in [4, 5].into_iter().zip(&paths) {
        paint(Scene::ALL[0].0, view, 160, 120).save(path).unwrap();
    }
    let both = searcher.like(&paths[0]).unwrap().like(&paths[1]).unwrap();
    let both = both.run().unwrap();
    fs::write(w.path("album/broken.jpg"), b"\xff\xd8\xff\xe0 no more").unwrap();
    let album = searcher.like(w.path("album")).unwrap().run().unwrap();
    for (of_album, of_both) in album.matches.iter().zip(&both.matches) {
        assert!((of_album.similarity - of_both.similarity).abs() < 1e-5);
    }
    assert_eq!(names(&album), names(&both));
    assert_eq!(album.queries[0].contents.len(), 2 + 1);
    assert!(
        album.queries[0].skipped[0]
            .place
            .path()
            .ends_with("album/broken.jpg")
    );
    fs::create_dir(w.path("empty")).unwrap();
    let refused = searcher.like(w.path("empty")).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("no pictures in"), "{refused}");
}

#[test]
fn what_is_published_while_it_is_open_is_found_by_the_next_query() {
    let (w, dir) = indexed(2, 2);
    let searcher = searcher(&dir);
    let path = w.path(&format!("photos/{}_0.png", Scene::ALL[0].1));
    assert_eq!(
        searcher.like(&path).unwrap().run().unwrap().matches.len(),
        4
    );
    let extractor = extractor(RECIPE);
    let new = w.path("photos/new.png");
    RgbImage::from_pixel(160, 120, Rgb([9, 200, 40]))
        .save(&new)
        .unwrap();
    let mut gallery = Gallery::open(&dir).unwrap();
    let indexing = gallery.index([w.path("photos")]).with(&extractor);
    indexing.run(|_| ControlFlow::Continue(())).unwrap();
    let found = searcher.like(&new).unwrap().run().unwrap();
    assert_eq!(
        (found.matches.len(), names(&found)[0].as_str()),
        (5, "new.png")
    );
    // From many threads at once.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let again = searcher.like(&new).unwrap().run().unwrap();
                assert_eq!(again.matches, found.matches);
            });
        }
    });
}

#[test]
fn the_command_asks_in_full() {
    let w = Workspace::painted(3, 3);
    w.run(&["index", "photos", "--spec", RECIPE], 0);
    let [a, b] = [0, 1].map(|scene: usize| format!("photos/{}_0.png", Scene::ALL[scene].1));
    let paths = |arguments: &[&str]| w.query(arguments);
    let plain = paths(&[&a]);
    assert_ne!(
        paths(&[&a, &b, "--weight", "1,9"]),
        paths(&[&a, &b, "--weight", "9,1"])
    );
    assert_eq!(paths(&[&a, &b, "--weight", "1,1"]), paths(&[&a, &b]));
    let unlike = paths(&[&a, "--unlike", &b]);
    let place = |found: &[String]| found.iter().position(|path| *path == b).unwrap();
    assert!(place(&unlike) > place(&plain));
    assert_eq!(paths(&[&a, "--not-itself"]), plain[1..]);
    let all = ["query", "photos", "-k", "99", "--not-itself", "--exact"];
    w.run(&all, 4);
    assert_eq!(paths(&[&a, "--region", "0,0,100%,100%"]), plain);
    assert_ne!(paths(&[&a, "--region", "0,0,30,20"]), plain);
    for (arguments, code, message) in [
        (
            vec![&*a, "--region", "0,0,999,9"],
            1,
            "is not within the 160×120 pixels of photos/",
        ),
        (vec![&a, "--region", "0,0,9"], 2, "invalid region"),
        (vec![&a, "--weight", "1,2"], 1, "2 weights for 1 pictures"),
        (vec![&a, "--weight", "0"], 2, "above 0"),
        (vec![&a, "--ranking", "nonsense"], 2, "invalid ranking"),
        (vec![&a, "--unlike", "gone.jpg"], 1, "gone.jpg"),
    ] {
        let refused = w.run(&[&["query"], &arguments[..]].concat(), code);
        assert!(said(&refused).contains(message), "{}", said(&refused));
    }
}

#[test]
fn each_picture_by_itself_is_a_line_of_json_and_a_bad_one_stops_none() {
    let w = Workspace::painted(3, 3);
    w.run(&["index", "photos", "--spec", RECIPE], 0);
    fs::write(w.path("bad.jpg"), "no picture").unwrap();
    let a = format!("photos/{}_0.png", Scene::ALL[0].1);
    let lines = |arguments: &[&str], code| {
        let output = w.run(&[&["query", "--each"], arguments].concat(), code);
        let text = String::from_utf8(output.stdout).unwrap();
        let line = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        text.lines().map(line).collect::<Vec<_>>()
    };
    let each = lines(&[&a, "bad.jpg", "photos", "-k", "2", "--not-itself"], 3);
    assert_eq!(each.len(), 1 + 1 + 9);
    let alone = w.json(&["query", &a, "-k", "2", "--not-itself", "--json"], 0);
    assert_eq!(each[0]["matches"], alone["matches"]);
    assert_eq!(each[1]["kind"], "error");
    assert_eq!(each[1]["error"]["path"], "bad.jpg");
    for line in &each[2..] {
        assert_eq!(line["matches"].as_array().unwrap().len(), 2);
    }
    assert_eq!(lines(&["bad.jpg"], 1).len(), 1);
    assert_eq!(lines(&["photos"], 0).len(), 9);
}

#[test]
fn the_version_tells_the_instruction_set_in_use() {
    let w = Workspace::new();
    let output = w.run(&["--version"], 0);
    let line = String::from_utf8(output.stdout).unwrap();
    let set = imgsearch::backbone::Instructions::best().to_string();
    assert!(
        line.starts_with("imgsearch 0.") && line.contains("commit "),
        "{line}"
    );
    assert!(line.trim_end().ends_with(&format!("{set})")), "{line}");
}

#[test]
fn what_describes_is_told_once_when_it_is_loaded_and_before_it_describes() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let (w, dir) = indexed(2, 2);
    let told = Arc::new(AtomicUsize::new(0));
    let searcher = searcher(&dir).tell_loaded({
        let told = Arc::clone(&told);
        move |extractor| {
            assert!(extractor.fingerprint().dimension() > 0);
            told.fetch_add(1, Ordering::Relaxed);
        }
    });
    searcher
        .like(w.path("photos/city_0.png"))
        .unwrap()
        .run()
        .unwrap();
    // Weights of one's own are held against the gallery's, be they needed or not.
    assert_eq!(told.load(Ordering::Relaxed), 1);
    for _ in 0..3 {
        let part =
            Example::from(w.path("photos/city_0.png")).region("0,0,50%,50%".parse().unwrap());
        searcher.like(part).unwrap().run().unwrap();
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }
    // The command says in the same way where no GPU was found: once, where one could be used.
    let other = ["query", "photos/city_0.png", "--region", "0,0,50%,50%"];
    let noted = crate::common::said(&w.run(&other, 0))
        .matches("running on the CPU")
        .count();
    let index = crate::common::said(&w.run(&["index", "photos", "--gallery", "other"], 0));
    assert_eq!(noted, index.matches("running on the CPU").count());
}
