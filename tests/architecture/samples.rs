//! What the checks report of small sources made for them: neither less nor more.

use super::rows;
use super::rules::{self, Mention};
use super::siblings::circles;
use super::tree::{Sources, Tree};

const ORDER: &[&str] = &["error", "photo", "gallery", "lib", "cli", "main"];

fn sources(files: &[(&str, &str)]) -> Sources {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    files.iter().map(owned).collect()
}

/// A library of three rooms, of which only `photo.rs` has anything in it.
fn library(photo: &str) -> Tree {
    Tree::of(&sources(&[
        ("lib.rs", "mod error; mod photo; mod gallery;"),
        ("error.rs", "pub struct Error;"),
        ("photo.rs", photo),
        ("gallery.rs", "pub struct Record; pub fn read() {}"),
    ]))
}

fn wrong_rooms(photo: &str) -> Vec<String> {
    let tree = library(photo);
    rules::rooms(&tree, &tree.mentions(), ORDER)
}

fn below(line: usize, path: &str) -> String {
    format!("src/photo.rs:{line}: `{path}` is of `gallery`, which stands below `photo`")
}

#[test]
fn what_a_library_has_and_nobody_may_use_is_seen_by_whatever_path() {
    let tree = library(
        "use serde_json::{self, to_string};
        use serde_json::value::Value as Anything;
        fn a() { serde_json::json!({}); }
        #[cfg(test)]
        mod tests { use serde_json::Value; }",
    );
    let wrong = rules::names(&tree, &tree.mentions(), "serde_json", &["Value", "json"]);
    let at = |line: usize, path: &str| format!("src/photo.rs:{line}: `{path}` is written nowhere");
    assert_eq!(
        wrong,
        [at(2, "serde_json::value::Value"), at(3, "serde_json::json")]
    );
}

#[test]
fn imports_in_groups_and_under_other_names_are_seen() {
    let wrong = wrong_rooms(
        "use crate::{
            error::Error,
            gallery::{self, Record as Kept},
        };
        pub use super::gallery::*;",
    );
    assert_eq!(
        wrong,
        [
            below(3, "crate::gallery"),
            below(3, "crate::gallery::Record"),
            below(5, "super::gallery::*"),
        ]
    );
}

#[test]
fn paths_in_the_middle_of_code_are_seen() {
    let wrong = wrong_rooms(
        "#[serde(with = \"crate::gallery::read\")]
        #[derive(crate::gallery::Record)]
        struct Photo(Vec<super::gallery::Record>);
        impl From<self::super::gallery::Record> for Photo {
            fn from(record: crate::error::Error) -> Self {
                let all = ..crate::gallery::read();
                match record { crate::gallery::Record => record.crate_gallery() }
            }
        }
        mod inner { type Kept = super::super::gallery::Record; }",
    );
    assert_eq!(
        wrong,
        [
            below(1, "crate::gallery::read"),
            below(2, "crate::gallery::Record"),
            below(3, "super::gallery::Record"),
            below(4, "self::super::gallery::Record"),
            below(6, "crate::gallery::read"),
            below(7, "crate::gallery::Record"),
            below(10, "super::super::gallery::Record"),
        ]
    );
}

#[test]
fn paths_in_macros_are_seen_where_they_are_called_and_where_they_are_made() {
    let wrong = wrong_rooms(
        "macro_rules! kept {
            ($name:ident) => { use $crate::gallery::{read, Record as $name}; };
        }
        fn shown() { println!(\"{}\", crate::gallery::read()) }",
    );
    assert_eq!(
        wrong,
        [
            below(2, "crate::gallery::read"),
            below(2, "crate::gallery::Record"),
            below(4, "crate::gallery::read"),
        ]
    );
}

#[test]
fn what_is_only_for_tests_is_left_out_and_what_follows_it_is_not() {
    let wrong = wrong_rooms(
        "#[cfg(test)]
        use crate::gallery::Record;
        struct Photo { #[cfg(all(test, unix))] record: crate::gallery::Record }
        impl Photo {
            #[cfg(test)]
            fn kept() -> crate::gallery::Record { crate::gallery::Record }
            fn read() { #[cfg(test)] crate::gallery::read(); }
        }
        /// Unlike [`crate::gallery::Record`].
        #[cfg(any(test, unix))]
        fn both() { crate::gallery::read() } // not crate::gallery::Record
        #[cfg(not(test))]
        fn real() { \"crate::gallery::Record\"; crate::gallery::read() }
        #[cfg(test)]
        mod tests { use crate::gallery::Record; }
        fn last() { crate::gallery::read() }",
    );
    let read = "crate::gallery::read";
    assert_eq!(wrong, [below(11, read), below(13, read), below(16, read)]);
}

#[test]
fn a_file_of_tests_is_left_out_with_the_files_below_it() {
    let tree = Tree::of(&sources(&[
        ("lib.rs", "mod photo; mod gallery;"),
        ("gallery.rs", ""),
        ("photo.rs", "#[cfg(test)] mod tests;"),
        ("photo/tests.rs", "mod more; use crate::gallery;"),
        ("photo/tests/more.rs", "use crate::gallery;"),
    ]));
    assert!(rules::rooms(&tree, &tree.mentions(), ORDER).is_empty());
    assert!(tree.tests.contains("photo/tests/more.rs"));
}

#[test]
#[should_panic(expected = "src/photo/lost.rs is no module of anything")]
fn a_file_that_nothing_reaches_is_an_error() {
    Tree::of(&sources(&[
        ("lib.rs", "mod photo;"),
        ("photo.rs", ""),
        ("photo/lost.rs", ""),
    ]));
}

#[test]
fn what_a_room_shows_of_another_is_of_both() {
    let tree = Tree::of(&sources(&[
        (
            "lib.rs",
            "mod error; mod photo; mod gallery; pub use gallery::Record;",
        ),
        (
            "error.rs",
            "pub struct Error; use crate::{Record, photo::Error as Shown};",
        ),
        ("photo.rs", "pub use crate::error::Error;"),
        ("gallery.rs", "pub struct Record;"),
        ("main.rs", "mod cli;"),
        ("cli.rs", "use imgsearch::Record; use crate::main;"),
    ]));
    assert_eq!(
        rules::rooms(&tree, &tree.mentions(), ORDER),
        [
            "src/error.rs:1: `crate::Record` is of `gallery`, which stands below `error`",
            "src/error.rs:1: `crate::photo::Error` is of `photo`, which stands below `error`",
            "src/cli.rs:1: `crate::main` is of `main`, which stands below `cli`",
        ]
    );
}

fn wrong_libraries(photo: &str) -> Vec<String> {
    let tree = library(photo);
    rules::libraries(&tree, &tree.mentions(), &[("sled", &[])])
}

#[test]
fn a_library_is_seen_by_whatever_name() {
    let place = |line: usize, path: &str| {
        format!("src/photo.rs:{line}: `{path}` is of sled, which has no place here")
    };
    let wrong = wrong_libraries(
        "use {std::fs, sled as store};
        fn open() -> ::sled::Result<()> { sled::open(sled) }
        fn kept(tree: &store::Tree) { sledge::open(tree.sled) }
        mod inner { pub extern crate sled as hidden; }
        fn more() { inner::hidden::open() }",
    );
    assert_eq!(
        wrong,
        [
            place(1, "sled"),
            place(2, "sled::Result"),
            place(2, "sled::open"),
            place(3, "store::Tree"),
            place(5, "inner::hidden::open"),
            place(4, "sled"),
        ]
    );
}

#[test]
fn a_library_that_another_file_shows_is_seen_too() {
    let tree = Tree::of(&sources(&[
        ("lib.rs", "mod error; mod photo; mod gallery;"),
        (
            "error.rs",
            "pub use sled::Tree; pub mod all { pub use sled::*; }",
        ),
        (
            "photo.rs",
            "use crate::error::Tree as Kept; fn f() -> Kept {}",
        ),
        ("gallery.rs", "use crate::error::all::Batch;"),
    ]));
    let wrong = rules::libraries(&tree, &tree.mentions(), &[("sled", &["error.rs", "cli/"])]);
    assert_eq!(
        wrong,
        [
            "src/photo.rs:1: `crate::error::Tree` is of sled, which has no place here",
            "src/photo.rs:1: `Kept` is of sled, which has no place here",
            "src/gallery.rs:1: `crate::error::all::Batch` is of sled, which has no place here",
            "src/cli/ may name sled and does not",
        ]
    );
}

/// The circles in a room `gallery`, as they are printed.
fn circles_in(files: &[(&str, &str)]) -> Vec<String> {
    let mut all = sources(files);
    all.insert("lib.rs".to_owned(), "mod gallery;".to_owned());
    let tree = Tree::of(&all);
    let mentions: Vec<Mention> = tree.mentions();
    let circles = circles(&tree, &mentions);
    circles.iter().map(ToString::to_string).collect()
}

#[test]
fn a_circle_of_siblings_is_told_as_a_way_with_its_reasons() {
    let found = circles_in(&[
        (
            "gallery/mod.rs",
            "mod heal; mod store; mod record; pub use self::store::Store;",
        ),
        ("gallery/heal.rs", "use super::{record::Record, Store};"),
        ("gallery/record.rs", "pub struct Record;"),
        ("gallery/store/mod.rs", "mod guard; pub struct Store;"),
        (
            "gallery/store/guard.rs",
            "fn f() { crate::gallery::heal::repair() }",
        ),
    ]);
    let told = "gallery/mod.rs: gallery/heal.rs → gallery/store/mod.rs → gallery/heal.rs
    src/gallery/heal.rs:1 names `super::Store`
    src/gallery/store/guard.rs:1 names `crate::gallery::heal::repair`
    all of them: gallery/heal.rs, gallery/store/mod.rs";
    assert_eq!(found, [told]);
}

#[test]
fn a_folder_that_needs_its_files_may_not_be_needed_by_them() {
    let needed = "mod store; pub struct Gallery;";
    let store = (
        "gallery/store.rs",
        "pub struct Store; fn f(_: super::Gallery) {}",
    );
    let shows = "pub use self::store::Store;";
    let needs = "use self::store::Store;";
    let needs_what_it_shows = "pub use self::store::Store; fn g() -> Store {}";
    let circles = |text: &str| {
        let gallery = format!("{needed} {text}");
        circles_in(&[("gallery.rs", &gallery), store]).len()
    };
    assert_eq!([shows, needs, needs_what_it_shows].map(circles), [0, 1, 1]);
}

#[test]
fn a_circle_at_any_depth_is_found_once() {
    let found = circles_in(&[
        ("gallery.rs", "mod store;"),
        ("gallery/store.rs", "mod a; mod b; mod c;"),
        ("gallery/store/a.rs", "use super::b::B; pub struct A;"),
        ("gallery/store/b.rs", "use super::c::C; pub struct B;"),
        (
            "gallery/store/c.rs",
            "macro_rules! c { () => { super::a::A } }",
        ),
    ]);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("gallery/store.rs: gallery/store/a.rs → gallery/store/b.rs → "));
}

#[test]
fn words_are_found_in_code_and_macros_alone() {
    let tree = library(
        "// unsafe todo!
        #![deny(unsafe_code)]
        fn f() { \"todo!\"; let todo = 1; unsafe { std::todo!() } }
        macro_rules! m { () => { unsafe {} } }
        #[cfg(test)] mod tests { fn f() { unsafe { todo!() } } }",
    );
    assert_eq!(
        rules::words(&tree, "unsafe", &[]),
        ["src/photo.rs:3: unsafe", "src/photo.rs:4: unsafe"]
    );
    assert_eq!(rules::words(&tree, "todo!", &[]), ["src/photo.rs:3: todo!"]);
    assert!(rules::words(&tree, "unsafe", &["photo.rs"]).is_empty());
}

#[test]
fn numbers_beside_a_dimension_are_seen_in_parameters_and_fields_and_nothing_else_is() {
    let photo = "pub fn slice(rows: &[f32], dimension: usize) {}
        fn owned(input_dimension: usize, mut rows: Option<Vec<Vec<half::f16>>>) {}
        fn generic<T: Copy>(rows: &mut [T], dim: usize) {}
        impl<T> Photo<T> {
            fn tuple(&self, (rows, keep_dim): (&Vec<T>, usize)) {
                let closure = |rows: &[i8], dimension: usize| rows.len();
            }
        }
        trait Rows { fn iterator(rows: impl Iterator<Item = Box<[f64]>>, dimension: usize); }
        struct Photo<T> { rows: Vec<T>, dimension: usize }
        enum Kept { All { rows: Arc<[f32]>, dimension: usize }, None { dimension: usize } }
        struct Right { rows: Vectors<'static>, places: Vec<u32>, corner: [f32; 4], dimension: usize }
        fn right(names: &[String], bytes: &[u8], dimension: usize) -> Vec<f32> {}
        fn apart(rows: &[f32], width: usize) { let dimension = width; }
        struct Dimension { dimension: usize } struct Rows { rows: Vec<f32> }
        #[cfg(test)] fn test(rows: &[f32], dimension: usize) {}";
    let wrong = rows::beside_a_dimension(&library(photo), &[]);
    let place = |line: usize, dimension: &str| {
        format!("src/photo.rs:{line}: `rows` beside `{dimension}` is a `Vectors`")
    };
    assert_eq!(
        wrong,
        [
            place(1, "dimension"),
            place(2, "input_dimension"),
            place(3, "dim"),
            place(5, "keep_dim"),
            place(6, "dimension"),
            place(9, "dimension"),
            place(10, "dimension"),
            place(11, "dimension"),
        ]
    );
    assert!(rows::beside_a_dimension(&library(photo), &["photo.rs"]).is_empty());
}

#[test]
fn functions_are_measured_from_their_name_to_their_end() {
    let photo = "trait T {
            fn named();
            fn short() {}
        }
        macro_rules! m { () => {
            pub fn made(
                f: fn(usize),
            ) {
            }
        } }
        #[cfg(test)] fn test() {


        }";
    let functions = rules::functions(&library(photo));
    let told = functions
        .iter()
        .map(|it| (it.file.as_str(), it.line, it.name.as_str(), it.lines));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("photo.rs", 3, "short", 1),
            ("photo.rs", 6, "made", 4),
            ("gallery.rs", 1, "read", 1),
        ]
    );
    let files = sources(&[("photo.rs", photo)]);
    let known = &[("photo.rs", "read")];
    assert_eq!(
        rules::sizes(&library(photo), &files, 3, known, 13),
        [
            "src/photo.rs: fn read is not long any more and leaves the list",
            "src/photo.rs:6: fn made has 4 lines",
            "src/photo.rs has 14 lines",
            "the median function has 1 lines, the median file 14",
        ]
    );
    let known = &[("photo.rs", "made")];
    assert!(rules::sizes(&library(photo), &files, 3, known, 14).is_empty());
}

#[test]
fn the_first_column_of_a_table_is_read_up_to_the_next_heading() {
    let text = "| `no` |\n## Places\n\n| folder | what |\n|---|---|\n| `a/`, `b.rs` | `c` |\n## Next\n| `d` |";
    assert_eq!(rules::first_column(text, "## Places"), ["a/", "b.rs"]);
}
