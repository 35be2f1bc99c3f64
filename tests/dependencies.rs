//! What the crate is built of: licences that may be combined with ours, one registry as the only
//! source, and no library twice without a reason. It asks cargo alone, and no network.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::process::Command;

use serde_json::Value;

/// Licences that ask no more than to be named, so that a program may have any of them.
const ACCEPTED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Licences of single crates, and why they will do.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "epaint_default_fonts",
        "(MIT OR Apache-2.0) AND OFL-1.1 AND Ubuntu-font-1.0",
        "the letters of `--plot x.png`; a font may be part of any program",
    ),
    (
        "webpki-roots",
        "CDLA-Permissive-2.0",
        "a list of certificates; whoever passes it on says so",
    ),
];

/// Crates that are there in more than one version, and who wants the older.
const TWICE: &[(&[&str], &str)] = &[
    (&["base64"], "tokenizers, through spm_precompiled"),
    (
        &["bit-set", "bit-vec", "fancy-regex"],
        "tokenizers; the newer are of tests",
    ),
    (&["constant_time_eq"], "blake3"),
    (
        &["equator", "equator-macro"],
        "faer, through nano-gemm and spindle",
    ),
    (
        &["foldhash", "hashbrown"],
        "hnsw_rs; safetensors and lru have yet another",
    ),
    (
        &["getrandom"],
        "ring; candle-core has yet another, through rand",
    ),
    (&["itertools"], "criterion"),
    (&["miniz_oxide"], "png"),
    (
        &["nix", "thiserror", "thiserror-impl"],
        "hnsw_rs, through mmap-rs",
    ),
    (&["parking_lot", "parking_lot_core"], "sled"),
    (&["quick-error"], "proptest, through rusty-fork"),
    (&["rand", "rand_core"], "candle-core"),
    (&["syn"], "macros, which are no part of the program"),
    (&["zerocopy", "zerocopy-derive"], "re_rav1d"),
];

/// What cargo says about the crates of this build, of its tests too.
fn packages() -> Vec<Value> {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let host = Command::new(&cargo).arg("-vV").output().unwrap();
    let host = String::from_utf8(host.stdout).unwrap();
    let host = host.lines().find_map(|line| line.strip_prefix("host: "));
    let mut command = Command::new(cargo);
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["metadata", "--offline", "--locked", "--format-version", "1"])
        .args(["--filter-platform", host.unwrap()]);
    if !cfg!(feature = "cli") {
        command.arg("--no-default-features");
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "{} packages", packages.len());
    packages.clone()
}

fn text<'a>(package: &'a Value, key: &str) -> &'a str {
    package[key].as_str().unwrap_or_default()
}

/// Whether we may have a crate under an SPDX expression; old ones write `/` for OR. AND binds more
/// tightly than OR.
fn is_accepted(expression: &str) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let accepted = any_of(&mut words);
    accepted && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>) -> bool {
    let mut accepted = all_of(words);
    while words.next_if_eq(&"OR").is_some() {
        accepted |= all_of(words);
    }
    accepted
}

fn all_of(words: &mut Words<'_>) -> bool {
    let mut accepted = one(words);
    while words.next_if_eq(&"AND").is_some() {
        accepted &= one(words);
    }
    accepted
}

fn one(words: &mut Words<'_>) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let accepted = any_of(words);
        return words.next_if_eq(&")").is_some() && accepted;
    }
    let mut licence = words.next().unwrap_or_default().to_owned();
    if words.next_if_eq(&"WITH").is_some() {
        licence = format!("{licence} WITH {}", words.next().unwrap_or_default());
    }
    ACCEPTED.contains(&licence.as_str())
}

#[test]
fn an_expression_of_licences_is_read_as_spdx_says() {
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-3.0-only/MIT", true),
        ("GPL-3.0-only AND MIT", false),
        ("GPL-3.0-only AND MIT OR Zlib", true),
        ("GPL-3.0-only AND (MIT OR Zlib)", false),
        ("(MIT OR GPL-3.0-only) AND Unicode-3.0", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("MIT WITH LLVM-exception", false),
        ("MIT Zlib", false),
        ("(MIT", false),
        ("", false),
    ] {
        assert_eq!(is_accepted(expression), expected, "{expression}");
    }
}

#[test]
fn every_crate_has_a_licence_that_may_be_combined_with_ours() {
    let mut seen = BTreeSet::new();
    for package in packages() {
        let (name, licence) = (text(&package, "name"), text(&package, "license"));
        let exception = |(of, known, _): &&(&str, &str, &str)| *of == name && *known == licence;
        if let Some((name, ..)) = EXCEPTIONS.iter().find(exception) {
            seen.insert(*name);
        } else {
            assert!(is_accepted(licence), "{name} is licensed as `{licence}`");
        }
    }
    if cfg!(feature = "cli") {
        for (name, licence, _) in EXCEPTIONS {
            assert!(
                seen.contains(name),
                "no crate {name} under {licence} any more"
            );
        }
    }
}

#[test]
fn every_crate_comes_from_the_registry_with_its_checksum() {
    let lock = include_str!("../Cargo.lock");
    let registry = "registry+https://github.com/rust-lang/crates.io-index";
    for package in lock.split("[[package]]").skip(1) {
        let has = |key: &str| package.lines().find_map(|line| line.strip_prefix(key));
        if has("name = ") == Some("\"imgsearch\"") {
            continue;
        }
        assert_eq!(
            has("source = "),
            Some(&*format!("\"{registry}\"")),
            "{package}"
        );
        assert!(has("checksum = ").is_some(), "{package}");
    }
}

#[test]
fn no_crate_is_there_twice_without_a_reason() {
    let packages = packages();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in &packages {
        let version = text(package, "version");
        versions
            .entry(text(package, "name"))
            .or_default()
            .push(version);
    }
    let known: BTreeSet<&str> = TWICE
        .iter()
        .flat_map(|(names, _)| *names)
        .copied()
        .collect();
    for (name, versions) in &versions {
        let may = versions.len() == 1 || known.contains(name);
        assert!(may, "{name} is there as {}", versions.join(" and "));
    }
    if cfg!(feature = "cli") {
        for name in known {
            let count = versions.get(name).map_or(0, Vec::len);
            assert!(count > 1, "{name} is there once only: take it off the list");
        }
    }
}
