//! Files that commands write: the earlier one stays until the new one is whole.

use std::fs;
use std::path::Path;

#[cfg(target_os = "linux")]
use crate::common::small_disk::on_a_small_disk;
#[cfg(target_os = "linux")]
use crate::common::{SMALL, Workspace, weights};

/// Each way to write a file, with the file it writes on the disk.
#[cfg(target_os = "linux")]
const WAYS: &str = r#"
    ways() {
        "$@" a.npy extract photos/city_0.png --out disk/a.npy $made
        "$@" a.jsonl extract photos/city_0.png --format jsonl --out disk/a.jsonl $made
        "$@" q.html query photos/city_0.png --html disk/q.html --weights "$WEIGHTS"
        "$@" q.png query photos/city_0.png --contact-sheet disk/q.png --weights "$WEIGHTS"
        "$@" q.jpg query photos/city_0.png --contact-sheet disk/q.jpg --weights "$WEIGHTS"
        "$@" w.safetensors whiten photos --dim 4 --out disk/w.safetensors $made
        "$@" e.svg eval set --specs head --plot disk/e.svg $made
        "$@" e.png eval set --specs head --plot disk/e.png $made
        "$@" e.html eval set --specs head --html disk/e.html $made
        "$@" t.json tune set --keep-preprocess --out disk/t.json $made
    }
"#;

/// Photos by class, and all of them in one folder that is indexed.
#[cfg(target_os = "linux")]
fn workspace() -> Workspace {
    let w = Workspace::painted(10, 4);
    for entry in fs::read_dir(w.path("photos")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let class = w.path("set").join(name.split('_').next().unwrap());
        fs::create_dir_all(&class).unwrap();
        fs::copy(&path, class.join(name)).unwrap();
    }
    w.run(&["index", "photos"], 0);
    w
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_every_earlier_file_as_it_was() {
    let w = workspace();
    let script = r#"
        made="--weights $WEIGHTS --preprocess $SMALL"
        earlier() { echo earlier > "disk/$1"; }
        full() {
            file=$1; shift
            "$COMMAND" "$@" > said 2>&1
            echo "$file: $? $(cat "disk/$file" | head -c 7) $(grep -c 'No space left' said)"
        }
        room() { file=$1; shift; "$COMMAND" "$@" > said 2>&1; echo "$file: $? $(head -c 7 "disk/$file" | tr -d '\0')"; }
        ways earlier
        cat /dev/zero > disk/filler 2> /dev/null
        ways full
        echo "== left: $(ls -A disk | wc -l)"
        rm disk/filler
        ways room
        echo "== left: $(ls -A disk | wc -l)"
    "#;
    let Some(told) = on_a_small_disk(&w, &format!("{WAYS}\n{script}")) else {
        return;
    };
    println!("{told}");
    let parts: Vec<&str> = told.split("== ").collect();
    let lines = |part: &str| part.lines().filter(|it| it.contains(": ")).count();
    let full = parts[0].lines();
    assert!(
        full.clone().all(|line| line.ends_with(" 1 earlier 1")),
        "{told}"
    );
    assert_eq!(lines(parts[0]), 10);
    // With the filler, and nothing half written.
    assert!(parts[1].starts_with("left: 11\n"), "{told}");
    // A picture's first bytes may end a line.
    let written = parts[1].lines().skip(1).filter(|line| line.contains(": "));
    assert!(
        written
            .clone()
            .all(|line| line.contains(": 0 ") && !line.contains("earlier")),
        "{told}"
    );
    assert_eq!(written.count(), 10);
    // The whitening that belongs to the tuned spec may lie beside it.
    assert!(parts[2].starts_with("left: 1"), "{told}");
}

/// As above by a limit on the size of files, which every system has.
#[cfg(unix)]
#[test]
fn a_file_that_may_not_grow_leaves_the_earlier_one() {
    use crate::common::{SMALL, Workspace, said, weights};
    let w = Workspace::painted(2, 1);
    fs::write(w.path("a.npy"), "earlier").unwrap();
    let script = "trap '' XFSZ; ulimit -f 2; exec \"$0\" extract photos/city_0.png \
                  --out a.npy --weights \"$1\" --preprocess \"$2\"";
    let output = std::process::Command::new("sh")
        .current_dir(w.dir.path())
        .args(["-c", script, env!("CARGO_BIN_EXE_imgsearch")])
        .arg(weights())
        .arg(SMALL)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("cannot write a.npy"),
        "{}",
        said(&output)
    );
    assert_eq!(fs::read(w.path("a.npy")).unwrap(), b"earlier");
    let left = fs::read_dir(w.dir.path()).unwrap().count();
    assert_eq!(left, 2, "photos and a.npy");
}

#[cfg(target_os = "linux")]
#[test]
fn pipes_and_devices_are_written_to() {
    let w = Workspace::painted(2, 1);
    let script = r#"
        extract() { "$0" extract photos/city_0.png --weights "$1" --preprocess "$2" --out "$3"; }
        extract "$1" "$2" a.npy || exit 1
        extract "$1" "$2" /dev/stdout | cmp - a.npy || exit 2
        extract "$1" "$2" /dev/stdout > b.npy || exit 3
        cmp a.npy b.npy || exit 4
        printf before > c.npy; extract "$1" "$2" /dev/stdout >> c.npy || exit 5
        (printf before; cat a.npy) | cmp - c.npy || exit 6
        extract "$1" "$2" /dev/null || exit 7
        test -c /dev/null || exit 8
        mkfifo pipe; cat pipe > d.npy & extract "$1" "$2" pipe || exit 9
        wait; cmp a.npy d.npy || exit 10
        extract "$1" "$2" /dev/full 2> said && exit 11
        grep -q 'No space left' said || exit 12
    "#;
    let status = std::process::Command::new("sh")
        .current_dir(w.dir.path())
        .args(["-c", script, env!("CARGO_BIN_EXE_imgsearch")])
        .arg(weights())
        .arg(SMALL)
        .status();
    assert_eq!(status.unwrap().code(), Some(0));
}

/// Where files may be made by themselves: in the mechanism, in what has one of its own because others
/// read it meanwhile, and where nothing earlier can lie.
const MAY_CREATE: [&str; 12] = [
    "cli/output/preview/terminal.rs",
    "replace.rs",
    // Files made anew beside their place, and lines added behind others.
    "duplicates/act/carry.rs",
    "duplicates/act/journal.rs",
    "gallery/folder.rs",
    "gallery/store/guard.rs",
    "gallery/store/leftovers.rs",
    "gallery/snapshot/",
    "gallery/mod.rs",
    "gallery/open.rs",
    "model/own_file.rs",
    "model/wheel.rs",
];

#[test]
fn no_other_code_writes_over_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut wrong = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path
                .strip_prefix(&root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let text = fs::read_to_string(&path).unwrap();
            // Tests come last in a file.
            let code = text.split("\nmod tests {").next().unwrap();
            let makes = [
                "File::create",
                "fs::write(",
                "fs::copy(",
                "OpenOptions",
                "File::options",
            ];
            let is_free = MAY_CREATE.iter().any(|free| name.starts_with(free));
            let is_test = name.ends_with("tests.rs") || name.contains("/tests/");
            if let Some(make) = makes.iter().find(|make| code.contains(*make))
                && !is_free
                && !is_test
            {
                wrong.push(format!("{name}: {make}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
