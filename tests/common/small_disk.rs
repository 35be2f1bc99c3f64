//! A disk that is soon full.

use std::fs;
use std::process::Command;

use super::skip::skip;
use super::{SMALL, Workspace, said, weights};

const BEFORE: &str = r#"
    mount -t tmpfs -o size=24m tmpfs disk || exit 99
    leave() {
        rm -f disk/filler
        head -c "${1}k" /dev/zero > disk/room
        cat /dev/zero > disk/filler 2> /dev/null
        rm disk/room
        echo "== room $1"
    }
"#;

/// Runs a shell script on a small disk of its own, mounted at `disk`, in which `leave 40` fills the disk but
/// for 40 KB and tells so; nothing, and the test is skipped, where the system does not let us mount one.
#[track_caller]
pub fn on_a_small_disk(w: &Workspace, script: &str) -> Option<String> {
    fs::create_dir(w.path("disk")).unwrap();
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", &format!("{BEFORE}\n{script}")])
        .current_dir(w.dir.path())
        .env("COMMAND", env!("CARGO_BIN_EXE_imgsearch"))
        .env("WEIGHTS", weights())
        .env("SMALL", SMALL)
        .output();
    match output {
        Ok(output) if output.status.code() == Some(0) => {
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) if output.status.code() == Some(99) || said(&output).contains("unshare") => {
            println!("{}", said(&output));
            skip("no disk can be mounted");
            None
        }
        Ok(output) => panic!("{}", said(&output)),
        Err(error) => {
            println!("{error}");
            skip("no disk can be mounted");
            None
        }
    }
}
