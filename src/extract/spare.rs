//! The CPU that goes on where any device was asked for and a GPU fails.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::fingerprint::{architecture_of, heads_of};
use super::forward::Forward;
use crate::backbone::Placement;
use crate::descriptor::Fingerprint;
use crate::error::NetworkError;
use crate::weights::{Part, WeightsFile};

/// The same network, loaded when it is needed.
pub struct Spare {
    fingerprint: Fingerprint,
    weights: PathBuf,
    part: Part,
    reason: OnceLock<String>,
    forward: OnceLock<Forward>,
}

impl Spare {
    pub fn new(fingerprint: &Fingerprint, weights: &Path, part: &Part) -> Self {
        Self {
            fingerprint: fingerprint.clone(),
            weights: weights.to_owned(),
            part: part.clone(),
            reason: OnceLock::new(),
            forward: OnceLock::new(),
        }
    }

    /// From now on it runs instead of the device.
    pub fn take_over(&self, reason: &str) {
        // Of those that found out at once the first tells why.
        let _ = self.reason.set(reason.to_owned());
    }

    /// Why it runs, if it does.
    pub fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }

    /// The network on the CPU.
    ///
    /// # Errors
    /// [`NetworkError::DeviceLost`] if the weights cannot be read again.
    pub fn forward(&self) -> Result<&Forward, NetworkError> {
        if let Some(forward) = self.forward.get() {
            return Ok(forward);
        }
        let cpu = Placement::cpu();
        let loaded = WeightsFile::open_part(&self.weights, &self.part).and_then(|file| {
            let recipe = self.fingerprint.recipe();
            let (network, fit) = architecture_of(&recipe.spec.model)?.found_in(&file)?;
            let heads = heads_of(recipe, &network, (&fit, &file))?;
            Forward::load(&self.fingerprint, (&network, &heads), &file, &cpu)
        });
        let loaded = loaded.map_err(|error| NetworkError::DeviceLost {
            source: format!(
                "{}; and the CPU cannot go on: {error}",
                self.reason().unwrap_or_default()
            )
            .into(),
        })?;
        Ok(self.forward.get_or_init(|| loaded))
    }
}
