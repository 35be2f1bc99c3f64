//! Nothing that lies beside photos is ever run: not by the command, and not by what it starts.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::common::{Workspace, said};

/// What Python imports or runs from a folder that it is let near.
const MODULES: [&str; 12] = [
    "pip.py",
    "pip/__init__.py",
    "pip/__main__.py",
    "sitecustomize.py",
    "usercustomize.py",
    "encodings/__init__.py",
    "site.py",
    "os.py",
    "ssl.py",
    "runpy.py",
    "socket.py",
    "__main__.py",
];
/// What is found in a folder that stands in `PATH`.
const PROGRAMS: [&str; 6] = ["python3", "python", "pip", "pyenv", "bash", "git"];

/// Fills a folder with all that could be run by mistake; each leaves `marker` behind.
fn lay_traps(folder: &Path, marker: &Path) {
    let marker = marker.display();
    for name in MODULES {
        let path = folder.join("modules").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("open({:?}, 'w')\n", marker.to_string())).unwrap();
    }
    // Python prefers a package to a file, so that both of them need a folder.
    for entry in fs::read_dir(folder.join("modules")).unwrap() {
        let entry = entry.unwrap();
        fs::rename(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    for place in ["", "bin"] {
        fs::create_dir_all(folder.join(place)).unwrap();
        for name in PROGRAMS {
            let path = folder.join(place).join(name);
            if path.exists() {
                continue;
            }
            fs::write(&path, format!("#!/bin/sh\necho > '{marker}'\n")).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        }
    }
    fs::write(folder.join(".python-version"), "../../../../bin").unwrap();
    fs::write(folder.join("pyvenv.cfg"), "home = .\n").unwrap();
    let config = "[global]\nfind-links = .\n[install]\ntarget = .\n";
    for name in ["pip.conf", "pip.ini", "setup.cfg"] {
        fs::write(folder.join(name), config).unwrap();
    }
}

/// The command at first use: no weights yet, no hub, and a package index that has nothing.
fn first_use(w: &Workspace, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgsearch"));
    command
        .args(arguments)
        .current_dir(folder)
        .env("IMGSEARCH_CACHE", w.path("cache"))
        .env("HF_HOME", w.path("hub"))
        .env("HF_HUB_OFFLINE", "1")
        .env("PIP_NO_INDEX", "1")
        .env("PIP_CONFIG_FILE", "/dev/null");
    command
}

/// With `before` in front of the usual `PATH`.
fn path_with(before: &str) -> String {
    format!("{before}:{}", std::env::var("PATH").unwrap())
}

#[test]
fn what_lies_in_the_current_folder_is_not_run_by_what_fetches_weights() {
    let w = Workspace::painted(1, 1);
    let marker = w.path("marker");
    let gallery = w.path("photos/.imgsearch");
    fs::create_dir_all(&gallery).unwrap();
    let folders = [w.dir.path().to_owned(), w.path("photos"), gallery];
    for folder in &folders {
        lay_traps(folder, &marker);
    }
    // The traps would spring.
    let python = ["-m", "pip", "--version"];
    let mut sprung = Command::new("python3");
    let _ = sprung.args(python).current_dir(w.dir.path()).output();
    assert!(marker.exists(), "python3 runs nothing from where it stands");
    fs::remove_file(&marker).unwrap();

    for folder in &folders {
        for path in ["", ".", "./", "bin", "./bin", "../photos", ".:bin:"] {
            for pythonpath in ["", ".", "bin"] {
                if !path.is_empty() && !pythonpath.is_empty() {
                    continue;
                }
                let pull = ["models", "pull", "efficientnet_lite0"];
                let mut command = first_use(&w, folder, &pull);
                command.env("PATH", path_with(path));
                command.env("PYTHONPATH", pythonpath);
                let output = command.output().unwrap();
                let told = format!("{folder:?}, PATH={path}: {}", said(&output));
                assert!(!marker.exists(), "{told}");
                // pip did run, and it was the system's.
                assert!(told.contains("No matching distribution"), "{told}");
            }
        }
    }
}

#[test]
fn an_index_and_a_query_at_first_use_run_nothing_from_the_photos_folder() {
    let w = Workspace::painted(1, 1);
    let marker = w.path("marker");
    lay_traps(&w.path("photos"), &marker);
    for arguments in [
        &["index", "."],
        &["query", "mountains_0.png"],
        &["extract", "mountains_0.png"],
        &["eval", "."],
        &["whiten", "."],
    ] as [&[&str]; 5]
    {
        let mut command = first_use(&w, &w.path("photos"), arguments);
        let output = command.env("PATH", path_with(".:")).output().unwrap();
        assert!(!marker.exists(), "{arguments:?}: {}", said(&output));
    }
}

/// A Python that only says how it was called.
#[test]
fn python_is_started_isolated_and_stands_where_nothing_lies() {
    let w = Workspace::new();
    let (bin, told) = (w.path("bin"), w.path("told"));
    fs::create_dir(&bin).unwrap();
    let script = format!(
        "#!/bin/sh\n(pwd -P; echo \"$PATH\"; echo \"$@\") > '{}'\nexit 1\n",
        told.display()
    );
    fs::write(bin.join("python3"), script).unwrap();
    fs::set_permissions(bin.join("python3"), Permissions::from_mode(0o755)).unwrap();
    let mut command = first_use(&w, w.dir.path(), &["models", "pull", "efficientnet_lite0"]);
    let path = format!(".:{}:/usr/bin::/bin:bin", bin.display());
    command.env("PATH", path).output().unwrap();
    let told = fs::read_to_string(told).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[0], "/");
    assert_eq!(lines[1], format!("{}:/usr/bin:/bin", bin.display()));
    assert!(lines[2].starts_with("-I -m pip "), "{told}");
}
