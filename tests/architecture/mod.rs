//! The design, held by a test: who may import whom, which library appears where, and how long
//! things are. It reads every line under `src/` that is not only compiled for tests.
//!
//! **Rooms.** What stands directly under `src/` is a room; each may import from itself and from
//! rooms before it in [`ORDER`]. A path counts wherever it is written: in a `use` with groups, in
//! the middle of an expression, in an attribute, in a macro. What a room shows of another's
//! (`pub use`) is of both.
//!
//! **Libraries.** Those of [`CONFINED`] are named only where it says, by whatever path.
//!
//! **Siblings.** The files and folders of one folder need each other without circles, at every
//! depth, and the folder's own file (`mod.rs`, or `x.rs` beside `x/`) is one of them. So it is
//! either the sum of the others, which do not know it, or the ground that they stand on and that
//! does not know them; what both need has a file of its own. `mod x;` and `pub use x::Y` only show
//! what is there and need nothing: who imports `super::Y` needs `x`. Methods are not seen: an
//! `impl` may be spread over the files of a folder.
//!
//! **Rows.** Numbers that come in rows do not travel beside their dimension: [`Vectors`] is both.
//! Seen are parameters and fields by their names; not what a macro makes, nor a tuple without names.
//!
//! [`Vectors`]: imgsearch::descriptor::Vectors
//!
//! **Sizes and words.** No function above 80 lines, no file above 500, `unsafe` only where memory is
//! the matter.

mod paths;
mod rows;
mod rules;
mod samples;
mod siblings;
mod tree;
mod untested;

use std::fs;
use std::path::Path;

use self::siblings::circles;
use self::tree::{Sources, Tree};

/// Each room may import only those before it. `lib` is what `lib.rs` itself defines.
const ORDER: &[&str] = &[
    "error",
    "caught",
    "nearest",
    "program",
    "replace",
    "bounded",
    "photo",
    "document",
    "network",
    "weights",
    "cores",
    "kernels",
    "engine",
    "backbone",
    "model",
    "descriptor",
    "ranking",
    "extract",
    "gallery",
    "caches",
    "version",
    "spec_file",
    "resolve",
    "search",
    "ingest",
    "duplicates",
    "eval",
    "lib",
    "cli",
    "main",
];

/// Libraries that only some files may name.
const CONFINED: &[(&str, &[&str])] = &[
    (
        "candle_core",
        &[
            "backbone/mod.rs",
            "engine/",
            "descriptor/pooling/",
            "extract/forward.rs",
        ],
    ),
    ("sled", &["gallery/store", "gallery/earlier/store.rs"]),
    ("hnsw_rs", &["gallery/hnsw.rs"]),
    (
        "faer",
        &[
            "descriptor/products.rs",
            "descriptor/whitening/classes.rs",
            "descriptor/whitening/fit.rs",
        ],
    ),
    ("trash", &["duplicates/act/"]),
    ("reflink_copy", &["duplicates/act/"]),
    ("clap", &["cli/"]),
    ("indicatif", &["cli/"]),
    ("terminal_size", &["cli/"]),
    ("anyhow", &["cli/"]),
];

/// Where `unsafe` may be written.
const UNSAFE: &[&str] = &[
    "kernels/",
    "engine/cpu/",
    "gallery/blocks/reader.rs",
    "gallery/earlier/container.rs",
];

/// Where other programs may be started: elsewhere the current folder would choose which.
const PROGRAMS: &[&str] = &["program.rs"];

/// Where rows and their dimension come together.
const ROWS: &[&str] = &[
    "descriptor/vectors.rs",
    // Rows of other numbers than f32, and the loops over all of them.
    "gallery/graph/axes.rs",
    "gallery/graph/principal.rs",
    "gallery/graph/shorts.rs",
    "gallery/segment/writer.rs",
    "gallery/store/sealed.rs",
    "kernels/products/lanes.rs",
    "kernels/products/mod.rs",
];

/// Circles that stand. The test holds them to be exactly these, so that the list can only shrink.
const KNOWN: &[&[&str]] = &[];

/// Functions that stand and are too long; exactly these.
const KNOWN_LONG: &[(&str, &str)] = &[];

const LONGEST_FUNCTION: usize = 80;
const LONGEST_FILE: usize = 500;

fn sources() -> Sources {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Sources::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
                // A program of its own.
                if name == "build.rs" {
                    continue;
                }
                sources.insert(name.replace('\\', "/"), fs::read_to_string(&path).unwrap());
            }
        }
    }
    sources
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn rooms_import_only_those_before_them() {
    let tree = Tree::of(&sources());
    none(&rules::rooms(&tree, &tree.mentions(), ORDER));
}

#[test]
fn libraries_appear_only_where_they_belong() {
    let tree = Tree::of(&sources());
    none(&rules::libraries(&tree, &tree.mentions(), CONFINED));
}

#[test]
fn siblings_need_each_other_without_circles() {
    let tree = Tree::of(&sources());
    let circles = circles(&tree, &tree.mentions());
    let mut wrong = Vec::new();
    for circle in &circles {
        if !KNOWN.iter().any(|known| circle.siblings == *known) {
            wrong.push(circle.to_string());
        }
    }
    for known in KNOWN {
        if !circles.iter().any(|circle| circle.siblings == *known) {
            wrong.push(format!(
                "{known:?} is no circle any more and leaves the list"
            ));
        }
    }
    none(&wrong);
}

#[test]
fn no_function_is_longer_than_80_lines_and_no_file_than_500() {
    let sources = sources();
    let tree = Tree::of(&sources);
    none(&rules::sizes(
        &tree,
        &sources,
        LONGEST_FUNCTION,
        KNOWN_LONG,
        LONGEST_FILE,
    ));
}

#[test]
fn unsafe_is_written_only_where_memory_is_the_matter() {
    none(&rules::words(&Tree::of(&sources()), "unsafe", UNSAFE));
}

#[test]
fn other_programs_are_started_in_one_place() {
    let tree = Tree::of(&sources());
    let command = |mention: &rules::Mention| {
        let path = &mention.path.segments;
        let is_glob = mention.path.glob && path.last().is_some_and(|last| last == "process");
        is_glob || path.windows(2).any(|two| two == ["process", "Command"])
    };
    let mentions = tree.mentions();
    let files = mentions.iter().filter(|mention| command(mention));
    let mut files: Vec<&str> = files.map(|it| &*tree.modules[it.from].file).collect();
    files.dedup();
    assert_eq!(files, PROGRAMS);
}

#[test]
fn no_numbers_travel_beside_their_dimension() {
    let tree = Tree::of(&sources());
    none(&rows::beside_a_dimension(&tree, ROWS));
    // It sees something: the two types themselves.
    assert!(!rows::beside_a_dimension(&tree, &[]).is_empty());
}

#[test]
fn the_table_of_the_readme_names_what_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let named = rules::first_column(&readme, "## Where a line of code belongs");
    assert!(!named.is_empty());
    for path in named {
        assert!(root.join(&path).exists(), "README.md names {path}");
    }
}

/// JSON is what serde makes of a type that says what is in it: written by hand it goes astray.
#[test]
fn no_json_is_put_together_by_hand() {
    let tree = Tree::of(&sources());
    let names = ["Map", "Value", "json", "to_value"];
    none(&rules::names(&tree, &tree.mentions(), "serde_json", &names));
    none(&rules::words(&tree, "json!", &[]));
}

#[test]
fn nothing_is_left_to_do_and_no_case_is_said_to_be_impossible() {
    let tree = Tree::of(&sources());
    let macros = ["unreachable!", "todo!", "unimplemented!"];
    none(&macros.map(|word| rules::words(&tree, word, &[])).concat());
}
