//! A page in the browser, shown by what the system opens files with.

use std::env;
use std::fs::DirBuilder;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use imgsearch::error::FileError;
use imgsearch::photo::absolute;
use imgsearch::program;

use super::output::clean_line;
use super::output::html::address;
use super::tell::{detail, tell};

/// Opens a file as a click on it does. (The `start` of Windows' shell would take a name apart.)
const OPENER: &str = if cfg!(target_os = "macos") {
    "open"
} else if cfg!(windows) {
    "explorer"
} else {
    "xdg-open"
};

/// What fails fails soon; a browser that stays in front is not waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// Shows the page, or says where it is where nothing can show it.
pub fn show(page: &Path) {
    let page = absolute(page).unwrap_or_else(|_| page.to_owned());
    let address = clean_line(&address(&page));
    match opened(&page) {
        Ok(true) => detail!("opened: {address}"),
        Ok(false) => tell!("note: `{OPENER}` cannot show the page: open {address}"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            tell!("note: there is no `{OPENER}` that could show the page: open {address}");
        }
        Err(error) => tell!("note: `{OPENER}` cannot be started ({error}): open {address}"),
    }
}

/// Whether it was opened, as far as the opener says. It stands in another folder, and needs the
/// whole path.
fn opened(page: &Path) -> io::Result<bool> {
    let mut opener = program::command(OPENER.as_ref())?;
    opener.arg(page).stdin(Stdio::null());
    // A browser talks a lot.
    opener.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = opener.spawn()?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            // The explorer says 1 whatever happens.
            return Ok(cfg!(windows) || status.success());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(true)
}

/// Where a page can be written that nobody named: in a folder of its own, which nobody else may read
/// or has prepared. It stays, since the browser reads it later.
///
/// # Errors
/// Those of the file system.
pub fn place() -> Result<PathBuf, FileError> {
    let folder = env::temp_dir().join(format!("imgsearch-{:016x}", fastrand::u64(..)));
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(&folder)
        .map_err(FileError::write_at(&folder))?;
    Ok(folder.join("matches.html"))
}
