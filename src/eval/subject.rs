//! The network that is evaluated, before it is loaded: how far it has to be depends on the specs.

use super::specs::{self, Layers};
use crate::descriptor::DescriptorSpec;
use crate::error::{DescriptorError, Result};
use crate::extract::Extractor;
use crate::network::Network;
use crate::photo::Preprocess;

/// Makes the extractor of a spec with a preprocessing.
pub type MakeExtractor<'a> = &'a dyn Fn(&DescriptorSpec, &Preprocess) -> Result<Extractor>;

/// A network with what is done to its pictures, and how it is loaded.
#[derive(Clone)]
pub struct Subject<'a> {
    /// Its layers.
    pub network: Network,
    /// What one would take without knowing better: GAP of its last stage.
    pub default: DescriptorSpec,
    /// What its pictures go through.
    pub preprocess: Preprocess,
    /// Loads it as far as a spec needs it.
    pub extractor: MakeExtractor<'a>,
}

/// Specs of one network behind one preprocessing, to be compared with others.
pub struct Candidates<'a> {
    /// The network.
    pub subject: Subject<'a>,
    /// Its specs, with the network's own layer names.
    pub specs: Vec<DescriptorSpec>,
}

impl Subject<'_> {
    /// The specs of these texts, with the network's own layer names; `MODEL:` may be left away.
    ///
    /// # Errors
    /// [`DescriptorError::InvalidSpec`], for a spec of another network too;
    /// [`NetworkError::UnknownLayer`](crate::error::NetworkError::UnknownLayer).
    pub fn specs(&self, texts: &[String]) -> Result<Vec<DescriptorSpec>> {
        let model = &self.default.model;
        let spec = |text: &String| {
            let text = if text.contains(':') {
                text.clone()
            } else {
                format!("{model}:{text}")
            };
            let spec: DescriptorSpec = text.parse()?;
            if spec.model != *model {
                let reason = "it is of another network than the others";
                return Err(DescriptorError::InvalidSpec { spec: text, reason }.into());
            }
            Ok(spec.resolve(&self.network)?)
        };
        texts.iter().map(spec).collect()
    }

    /// Every layer chosen with every pooling, and the last two stages together.
    ///
    /// # Errors
    /// Those of [`Preprocess::output_size`].
    pub fn usual_specs(&self, layers: Layers) -> Result<Vec<DescriptorSpec>> {
        let (height, width) = self.preprocess.output_size(512, 512)?;
        let size = (height as usize, width as usize);
        let model = &self.default.model;
        Ok(specs::usual(model, &self.network, size, layers))
    }
}
