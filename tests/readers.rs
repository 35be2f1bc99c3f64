//! Readers are not disturbed by a writer.

use std::process::Stdio;

use crate::common::{Workspace, said};

#[test]
fn queries_are_answered_while_another_process_writes() {
    let w = Workspace::painted(10, 8);
    w.run(&["index", "photos/city_0.png"], 0);
    let photos: Vec<String> = std::fs::read_dir(w.path("photos"))
        .unwrap()
        .map(|entry| format!("photos/{}", entry.unwrap().file_name().display()))
        .collect();
    let (mut asked, mut seen) = (0, 0);
    // Small steps, each with a snapshot of its own: more moments at which one replaces another.
    for step in photos.chunks(20) {
        let mut arguments = vec!["index".to_owned()];
        arguments.extend_from_slice(step);
        let mut writer = w
            .command(&arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        loop {
            let ended = writer.try_wait().unwrap();
            let output = w.run(&["query", "photos/city_0.png", "-k", "100", "--csv"], 0);
            let found = String::from_utf8_lossy(&output.stdout).lines().count() - 1;
            assert!(found >= seen, "{found} photos after {seen}");
            assert!(output.stderr.is_empty(), "{}", said(&output));
            (asked, seen) = (asked + 1, found);
            if let Some(status) = ended {
                assert!(status.success());
                break;
            }
        }
    }
    println!("{asked} queries beside the writer");
    assert_eq!(seen, 80);
}

#[test]
fn a_reader_that_opens_while_snapshots_are_replaced_always_finds_one() {
    use std::ops::ControlFlow;
    use std::sync::atomic::{AtomicBool, Ordering};

    use imgsearch::gallery::{Gallery, Record, Snapshot};
    use imgsearch::photo::ContentHash;

    use crate::common::collection;

    let dir = tempfile::tempdir().unwrap();
    let fingerprint = collection::fingerprint().with_dimension(2);
    let mut gallery = Gallery::open_or_create(dir.path(), &fingerprint).unwrap();
    let mut add = |number: u16| {
        let name = format!("/{number}");
        let record = Record {
            hash: ContentHash::of(name.as_bytes()),
            path: name.into(),
            size: 1,
            modified: 1,
            width: 1,
            height: 1,
            facts: None,
            tags: Vec::new(),
        };
        let descriptor = collection::descriptor(vec![1.0, f32::from(number)]);
        gallery.write(&[(record, Some(descriptor))], &[]).unwrap();
        gallery
            .publish(&mut |_, _| ControlFlow::Continue(()))
            .unwrap();
    };
    add(0);
    let done = AtomicBool::new(false);
    let opened = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut opened = 0;
            while !done.load(Ordering::Relaxed) {
                Snapshot::open(dir.path()).unwrap().verify().unwrap();
                opened += 1;
            }
            opened
        });
        (1..60).for_each(&mut add);
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    println!("opened {opened} times during 59 replacements");
    assert!(opened > 0);
}
