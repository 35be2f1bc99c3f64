//! What a whitening was fitted on, as it stands in its file.

use serde::{Deserialize, Serialize};

use crate::descriptor::fingerprint::Fingerprint;
use crate::descriptor::recipe::Recipe;
use crate::error::Result;

/// What a whitening was fitted on; only descriptors made in the same way may be whitened with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(into = "StoredOrigin")]
pub struct Origin {
    /// What those descriptors were made with; nothing where it was not said.
    pub fingerprint: Option<Fingerprint>,
    /// 0 … 1, see [`Whitening::fit`](super::Whitening::fit).
    pub shrinkage: f32,
    /// Number of descriptors.
    pub photos: usize,
    /// The share of their variance that lies along the axes kept, 0 … 1.
    pub kept_variance: f32,
}

/// The JSON in the file's metadata, since the first whitening. Empty where nothing was said.
#[derive(Serialize, Deserialize)]
pub struct StoredOrigin {
    spec: String,
    preprocess: String,
    weights: String,
    shrinkage: f32,
    photos: usize,
    kept_variance: f32,
}

impl StoredOrigin {
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and finite numbers are always JSON")
    }

    /// The origin of a whitening that takes so many values.
    pub fn read(self, dimension: usize) -> Result<Origin> {
        let fingerprint = if self.spec.is_empty() {
            None
        } else {
            let recipe = Recipe::new(self.spec.parse()?, self.preprocess.parse()?);
            Some(Fingerprint::new(recipe, self.weights, dimension))
        };
        Ok(Origin {
            fingerprint,
            shrinkage: self.shrinkage,
            photos: self.photos,
            kept_variance: self.kept_variance,
        })
    }
}

impl From<Origin> for StoredOrigin {
    fn from(origin: Origin) -> Self {
        let fitted = origin.fingerprint.as_ref();
        let recipe = fitted.map(Fingerprint::recipe);
        Self {
            spec: recipe
                .map(|recipe| recipe.spec.to_string())
                .unwrap_or_default(),
            preprocess: recipe
                .map(|recipe| recipe.preprocess.to_string())
                .unwrap_or_default(),
            weights: fitted
                .map(|one| one.weights().to_owned())
                .unwrap_or_default(),
            shrinkage: origin.shrinkage,
            photos: origin.photos,
            kept_variance: origin.kept_variance,
        }
    }
}
