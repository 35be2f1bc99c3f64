//! The program that the README and the library's documentation show is one and the same, and runs.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use imgsearch::resolve::{self, Overrides};
use imgsearch::{Gallery, Searcher};

use crate::common::paint::{Scene, paint};
use crate::common::{Workspace, weights};

/// The cache in which the weights of these tests are known by their digest.
const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/cache");

/// `examples/ask.rs`, in the current folder.
fn program() -> imgsearch::Result<()> {
    let mut gallery = Gallery::create_or_open(".imgsearch", &"efficientnet_lite0".parse()?)?;
    gallery
        .index(["photos"])
        .run(|_| ControlFlow::Continue(()))?;

    let searcher = Searcher::open(".imgsearch")?;
    for found in searcher.like("cat.jpg")?.unlike("dog.jpg")?.k(10).run()? {
        println!("{:.4}  {}", found.similarity, found.record.path.display());
    }
    Ok(())
}

/// The lines of a text between two others, without what every line begins with.
fn between<'a>(text: &'a str, begin: &str, end: &str, prefix: &str) -> Vec<&'a str> {
    let lines = text.lines().map(|line| {
        let line = line.strip_prefix(prefix.trim_end()).unwrap_or(line);
        line.strip_prefix(&prefix[prefix.trim_end().len()..])
            .unwrap_or(line)
    });
    let begun = lines.skip_while(|line| !line.contains(begin));
    begun.take_while(|line| *line != end).collect()
}

#[test]
fn the_readme_and_the_documentation_show_the_program_that_is_run() {
    let read = |name: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name));
    let shown = |name: &str, prefix: &str, begin: &str, end: &str| {
        let text = read(name).unwrap();
        let lines = between(&text, begin, end, prefix);
        assert!(lines.len() > 5, "{name} does not show it: {lines:?}");
        lines.join("\n")
    };
    let (begin, end) = (
        "let mut gallery = Gallery::create_or_open(\".imgsearch\"",
        "Ok(())",
    );
    let own = shown("tests/front_door.rs", "    ", begin, end);
    assert_eq!(shown("examples/ask.rs", "    ", begin, end), own);
    assert_eq!(
        shown(
            "src/lib.rs",
            "//! ",
            begin,
            "# Ok::<(), imgsearch::Error>(())"
        ),
        own
    );
    assert_eq!(shown("README.md", "", begin, "```"), own);
}

#[test]
fn the_program_indexes_a_folder_and_is_answered() {
    let w = Workspace::painted(3, 2);
    for (name, scene) in [("cat.jpg", Scene::ALL[0].0), ("dog.jpg", Scene::ALL[1].0)] {
        paint(scene, 7, 160, 120).save(w.path(name)).unwrap();
    }
    // So that the program finds these weights, of which there are no published ones: a gallery that
    // was made with them, and a cache that has seen them.
    let run = |test: &str| {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture"])
            .current_dir(w.dir.path())
            .env("IMGSEARCH_CACHE", CACHE)
            .output();
        let child = child.unwrap();
        let said = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success(), "{said}");
        String::from_utf8(child.stdout).unwrap()
    };
    run("front_door::the_gallery_is_made");
    let printed = run("front_door::the_program_is_run");
    let found = printed.lines().filter(|line| line.contains(".png"));
    assert_eq!(found.count(), 6, "{printed}");
}

#[test]
#[ignore = "run by the test above, in a process and a folder of its own"]
fn the_gallery_is_made() {
    let seeded = Overrides {
        weights: Some(weights().to_owned()),
        ..Overrides::default()
    };
    let extractor = resolve::extractor(&seeded, &mut |_| ControlFlow::Continue(())).unwrap();
    Gallery::create_or_open_with(".imgsearch", &extractor).unwrap();
}

#[test]
#[ignore = "run by the test above, in a process and a folder of its own"]
fn the_program_is_run() {
    program().unwrap();
}
