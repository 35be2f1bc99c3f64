//! One of each error that something can be done about, and what the hint must name.

use std::path::Path;

use super::*;

/// An error, and what its hint must name.
type Told<E> = (E, &'static str);

fn full_disk() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

fn text() -> String {
    "text".to_owned()
}

fn place() -> &'static Path {
    Path::new("some/place")
}

fn wrapped<E: Into<Error>>(errors: Vec<Told<E>>) -> impl Iterator<Item = Told<Error>> {
    let wrap = |(error, named): Told<E>| (error.into(), named);
    errors.into_iter().map(wrap)
}

fn hinted() -> Vec<Told<Error>> {
    let files = vec![(FileError::write_at(place())(full_disk()), "make room")];
    wrapped(files)
        .chain(wrapped(photo()))
        .chain(wrapped(network()))
        .chain(wrapped(weights()))
        .chain(wrapped(heads()))
        .chain(wrapped(fetch()))
        .chain(wrapped(descriptor()))
        .chain(wrapped(gallery()))
        .chain(wrapped(eval()))
        .collect()
}

fn photo() -> Vec<Told<PhotoError>> {
    let part = text();
    vec![
        (PhotoError::InvalidRegion { region: text() }, "X,Y,W,H"),
        (
            PhotoError::InvalidPreprocess { part },
            "keys are resize, crop",
        ),
    ]
}

fn network() -> Vec<Told<NetworkError>> {
    let unknown = NetworkError::UnknownArchitecture {
        name: text(),
        nearest: Some("vgg16".into()),
    };
    let layer = |nearest: Option<&str>| NetworkError::UnknownLayer {
        architecture: "vgg16".into(),
        layer: text(),
        nearest: nearest.map(str::to_owned),
    };
    vec![
        (unknown, "did you mean `vgg16`? `imgsearch models list`"),
        (
            layer(Some("conv1")),
            "did you mean `conv1`? `imgsearch models show vgg16`",
        ),
        (
            layer(None),
            "`imgsearch models show vgg16` lists its layers",
        ),
        (
            NetworkError::OutOfMemory {
                source: text().into(),
            },
            "smaller pictures fit: `--preprocess resize=…`",
        ),
        (
            NetworkError::DeviceLost {
                source: text().into(),
            },
            "what was done is kept; run it again",
        ),
        (
            NetworkError::Precision {
                precision: text(),
                why: text(),
            },
            "leave `--precision` away",
        ),
        (
            NetworkError::Device {
                device: text(),
                reason: text(),
            },
            "`--device auto` takes a GPU",
        ),
    ]
}

fn heads() -> Vec<Told<WeightsError>> {
    let (path, name) = (|| place().into(), text);
    vec![
        (
            WeightsError::HeadMisfit {
                path: path(),
                name: name(),
                what: "linear layer",
                takes: 3,
                outputs: 2,
                given: 1,
            },
            "models show --weights",
        ),
        (
            WeightsError::NoHead {
                path: path(),
                name: name(),
                shape: vec![1],
            },
            "models show --weights",
        ),
        (
            WeightsError::NoExponent {
                path: path(),
                name: name(),
                shape: vec![2],
                candidates: Vec::new(),
            },
            "models show --weights",
        ),
        (
            WeightsError::HeadNotFound {
                path: path(),
                inputs: 8,
                candidates: vec![name()],
            },
            "--projection-from NAME",
        ),
    ]
}

fn weights() -> Vec<Told<WeightsError>> {
    let (path, name) = (|| place().into(), text);
    let missing = WeightsError::MissingTensor {
        path: path(),
        name: name(),
        nearest: None,
    };
    let wrong = WeightsError::WrongTensor {
        path: path(),
        name: name(),
        expected: vec![1],
        found: vec![2],
    };
    let foreign = WeightsError::ForeignPickle {
        path: path(),
        name: name(),
    };
    let other = WeightsError::OtherFormat {
        path: "a'b".into(),
        what: text(),
        python: "torch.jit.load('FILE')".to_owned(),
    };
    vec![
        (
            WeightsError::WeightsFormat { path: path() },
            "`.safetensors`",
        ),
        (
            WeightsError::NoTensors { path: path() },
            "model.state_dict()",
        ),
        (foreign, "do not open it"),
        (other, "torch.jit.load('a?b"),
        (
            WeightsError::SeveralFiles {
                path: path(),
                files: vec![name()],
            },
            "one of them",
        ),
        (
            WeightsError::NoPart {
                path: path(),
                part: name(),
                nearest: None,
            },
            "models show --weights",
        ),
        (
            WeightsError::NotFinite {
                path: path(),
                name: name(),
            },
            "an earlier epoch",
        ),
        (
            WeightsError::DamagedWeights {
                path: path(),
                source: "cut off".into(),
            },
            "get the file again",
        ),
        (missing, "another network?"),
        (wrong, "another network?"),
    ]
}

fn fetch() -> Vec<Told<FetchError>> {
    let unknown = FetchError::UnknownModel {
        name: text(),
        nearest: None,
    };
    let changed = FetchError::PinChanged {
        origin: text(),
        expected: text(),
        found: text(),
        path: place().into(),
    };
    let nowhere = FetchError::NoSource {
        model: "net".into(),
        failures: Vec::new(),
        folder: place().into(),
    };
    vec![
        (unknown, "`imgsearch models list`"),
        (changed, "remove some/place"),
        (
            nowhere,
            "`--weights FILE`; or run `imgsearch models pull net` on a machine with network and copy \
             the file it names into some/place;",
        ),
    ]
}

fn descriptor() -> Vec<Told<DescriptorError>> {
    let few = |most: usize| DescriptorError::TooFewToWhiten {
        keep: 9,
        most,
        photos: 2,
    };
    let invalid = DescriptorError::InvalidSpec {
        spec: text(),
        reason: "no layer",
    };
    let other = DescriptorError::WhiteningMismatch {
        what: "spec",
        fitted: text(),
        requested: text(),
    };
    let no_file = DescriptorError::InvalidSpecFile {
        path: place().into(),
        source: "no JSON".into(),
    };
    let damaged = DescriptorError::DamagedWhitening {
        path: place().into(),
        reason: "cut off",
    };
    let spec = text();
    let tuned = DescriptorError::TunedOtherwise {
        tuned: text(),
        found: text(),
    };
    vec![
        (DescriptorError::CancelledOut, "`--unlike` other pictures"),
        (DescriptorError::NoProjection, "`--whitening FILE`"),
        (
            DescriptorError::InvalidRanking { part: text() },
            "augment=N",
        ),
        (tuned, "`--weights FILE`"),
        (DescriptorError::ZeroDescriptor, "a blank picture"),
        (invalid, "a spec is `MODEL:LAYER"),
        (
            DescriptorError::SizeNotFixed { spec },
            "`--preprocess crop=224`",
        ),
        (no_file, "`imgsearch tune --out FILE`"),
        (few(7), "`--dim 7` or less"),
        (few(0), "more photos, and different ones"),
        (damaged, "`imgsearch whiten PATH --out FILE`"),
        (other, "the whitening's own"),
    ]
}

fn gallery() -> Vec<Told<GalleryError>> {
    let dir = || place().into();
    let newer = GalleryError::GalleryTooNew {
        dir: dir(),
        found: 9,
        known: 3,
    };
    let other = GalleryError::SpecMismatch {
        what: "spec",
        gallery: text(),
        requested: text(),
    };
    let lost = GalleryError::LostWhitening {
        digest: "0123456789abcdef".into(),
        source: FileError::read_at(place())(full_disk()).into(),
    };
    let snapshot = GalleryError::DamagedSnapshot {
        path: dir(),
        reason: "cut off",
    };
    let full = GalleryError::Store {
        path: dir(),
        source: full_disk(),
    };
    vec![
        (
            GalleryError::NoGallery {
                dir: dir(),
                looked: Vec::new(),
            },
            "`imgsearch index PATH` first, or name one with `--gallery DIR`",
        ),
        (
            GalleryError::ForeignGallery { dir: dir() },
            "name it: `--gallery ",
        ),
        (
            GalleryError::GalleryLocked { dir: dir() },
            "wait for it to end",
        ),
        (newer, "the newer imgsearch"),
        (other, "another folder with `--gallery DIR`"),
        (
            lost,
            "`imgsearch index PATH --whitening FILE` with the file it was made with (digest \
             0123456789ab…)",
        ),
        (snapshot, "`imgsearch index` again"),
        (full, "make room"),
        (
            GalleryError::NoThreads {
                path: dir(),
                needed: 7,
                source: io::ErrorKind::WouldBlock.into(),
            },
            "`ulimit -u`",
        ),
        (
            GalleryError::DamagedStore { path: dir() },
            "the same command again",
        ),
        (
            GalleryError::ForeignFile {
                path: dir(),
                what: "a link",
            },
            "`cp -rL GALLERY COPY`",
        ),
        (
            GalleryError::DamagedGallery { dir: dir() },
            "rename the folder",
        ),
    ]
}

fn eval() -> Vec<Told<EvalError>> {
    let unclear = EvalError::GroundTruth {
        path: place().into(),
        line: None,
        reason: "empty",
    };
    let few = EvalError::TooFewQueries {
        queries: 1,
        needed: 10,
        what: "a tuning",
    };
    vec![
        (unclear, "`imgsearch eval --help`"),
        (few, "label more photos"),
    ]
}

/// The error as a function of its own room returns it.
fn unwrapped(error: Error) -> anyhow::Error {
    match error {
        Error::File(error) => error.into(),
        Error::Photo(error) => error.into(),
        Error::Network(error) => error.into(),
        Error::Weights(error) => error.into(),
        Error::Fetch(error) => error.into(),
        Error::Descriptor(error) => error.into(),
        Error::Gallery(error) => error.into(),
        Error::Eval(error) => error.into(),
        other => other.into(),
    }
}

#[test]
fn every_error_that_something_can_be_done_about_says_what() {
    for (error, named) in hinted() {
        let told = error.to_string();
        let hint = of(&error.into()).expect(&told);
        assert!(hint.contains(named), "{told}: {hint}");
    }
}

#[test]
fn an_error_of_one_room_has_the_hint_that_it_has_when_wrapped() {
    for ((alone, named), (wrapped, _)) in hinted().into_iter().zip(hinted()) {
        assert_eq!(of(&unwrapped(alone)), of(&wrapped.into()), "{named}");
    }
}

#[test]
fn where_nothing_can_be_done_nothing_is_said() {
    let absent = io::Error::from(io::ErrorKind::NotFound);
    let unreadable = FileError::read_at(place())(absent);
    assert_eq!(of(&unreadable.into()), None);
    assert_eq!(of(&Error::from(FetchError::Offline).into()), None);
    assert_eq!(of(&anyhow::anyhow!("anything else")), None);
}
