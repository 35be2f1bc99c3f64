//! Who may import whom, and which library appears where: the design, held by a test.

use std::fs;
use std::path::{Path, PathBuf};

/// Each module may import only those before it.
const ORDER: &[&str] = &[
    "error",
    "nearest",
    "photo",
    "network",
    "weights",
    "engine",
    "backbone",
    "model",
    "descriptor",
    "extract",
    "gallery",
    "ingest",
    "eval",
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
            "extract.rs",
        ],
    ),
    ("sled::", &["gallery/store"]),
    ("hnsw_rs::", &["gallery/hnsw.rs"]),
    (
        "faer",
        &["descriptor/products.rs", "descriptor/whitening/fit.rs"],
    ),
    ("clap", &["cli/"]),
    ("indicatif", &["cli/"]),
    ("anyhow", &["cli/"]),
];

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(&root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace('\\', "/");
                sources.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    sources
}

/// The lines that are neither comments nor tests.
fn code(source: &str) -> impl Iterator<Item = &str> {
    let end = source.find("#[cfg(test)]").unwrap_or(source.len());
    source[..end]
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//"))
}

#[test]
fn modules_import_only_those_before_them() {
    let place = |module: &str| ORDER.iter().position(|known| *known == module);
    for (name, source) in sources().iter().filter(|(name, _)| name != "lib.rs") {
        let module = name.split(['/', '.']).next().unwrap();
        let own = place(module).unwrap_or_else(|| panic!("{name} is in no row of the table"));
        for line in code(source) {
            for (_, after) in line
                .match_indices("crate::")
                .map(|(at, found)| (at, &line[at + found.len()..]))
            {
                let imported: String = after
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                let Some(imported) = place(&imported) else {
                    continue;
                };
                assert!(
                    imported <= own,
                    "{name} imports `{}`, which stands above it",
                    ORDER[imported]
                );
            }
        }
    }
}

#[test]
fn libraries_appear_only_where_they_belong() {
    for (name, source) in sources() {
        for (library, allowed) in CONFINED {
            let named =
                code(&source).any(|line| line.starts_with("use ") && line.contains(library));
            let may = allowed.iter().any(|place| name.starts_with(place));
            assert!(may || !named, "{name} names {library}");
        }
    }
}

#[test]
fn no_file_is_longer_than_500_lines() {
    for (name, source) in sources() {
        assert!(source.lines().count() <= 500, "{name}");
    }
}
