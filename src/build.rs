//! Tells the program which commit it is built from. It is no part of the library.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=src/build.rs");
    // A development build would be compiled anew after every commit.
    if std::env::var("PROFILE").as_deref() != Ok("release") {
        return;
    }
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    // A packaged copy may lie in somebody else's repository.
    let is_ours = git(&["ls-files", "--error-unmatch", "src/build.rs"]).is_some();
    let commit = is_ours.then(|| git(&["rev-parse", "--short=10", "HEAD"]));
    if let Some(commit) = commit.flatten() {
        println!("cargo::rustc-env=IMGSEARCH_COMMIT={commit}");
        if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
            println!("cargo::rerun-if-changed={log}");
        }
    }
}
