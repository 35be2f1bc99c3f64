//! Networks with made-up weights.

use std::path::Path;

use imgsearch::Extractor;
use imgsearch::backbone::{Architecture, Backbone, Placement};
use imgsearch::weights::WeightsFile;
use tempfile::TempDir;

use super::options::Options;
use super::{Result, seeded};

const FILE: &str = "seeded.safetensors";

/// A network with its file of weights, as deep as `layers` go.
pub struct Weighted {
    architecture: Architecture,
    folder: TempDir,
    file: WeightsFile,
    pub layers: Vec<String>,
}

impl Weighted {
    /// With all of its layers.
    pub fn whole(architecture: Architecture) -> Result<Self> {
        let network = architecture.network();
        let layers = network.layers().iter().map(|layer| layer.name.clone());
        Self::of(architecture, layers.collect())
    }

    /// As far as the layer that one usually taps, and with that alone.
    pub fn usual(architecture: Architecture) -> Result<Self> {
        Self::of(architecture, vec![usual_layer(architecture)?])
    }

    fn of(architecture: Architecture, layers: Vec<String>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join(FILE);
        write(architecture, &layers, &path)?;
        Ok(Self {
            architecture,
            file: WeightsFile::open(&path)?,
            folder,
            layers,
        })
    }

    pub fn load(&self, placement: &Placement) -> Result<Backbone> {
        let layers: Vec<&str> = self.layers.iter().map(String::as_str).collect();
        Ok(Backbone::load(
            self.architecture,
            &layers,
            &self.file,
            placement,
        )?)
    }

    /// What describes pictures with the first layer alone, averaged.
    pub fn extractor(&self, placement: &Placement) -> Result<Extractor> {
        let recipe = format!("{}:{}/gap", self.architecture.name, self.layers[0]);
        let weights = self.folder.path().join(FILE);
        Ok(Extractor::load(&recipe.parse()?, &weights, placement)?)
    }

    /// `gpu weights`.
    pub fn write_as_told(options: &Options) -> Result<()> {
        let out = options.out.as_ref().ok_or("--out is missing")?;
        let [architecture] = options.networks(&[])?[..] else {
            return Err("--networks has to name one network".into());
        };
        write(architecture, &[usual_layer(architecture)?], Path::new(out))
    }
}

/// The tensors of the network as far as the deepest of `layers`: VGG's fully connected ones are half
/// a gigabyte.
fn write(architecture: Architecture, layers: &[String], path: &Path) -> Result<()> {
    let network = architecture.network();
    let value = |name: &String| Ok(network.find_layer(name)?.value);
    let taps = layers.iter().map(value).collect::<Result<Vec<_>>>()?;
    seeded::write(&network.cut_after(&taps), 0, path);
    Ok(())
}

/// The model's default layer, or of a network that is no model the last that ends a stage.
fn usual_layer(architecture: Architecture) -> Result<String> {
    if let Ok(model) = imgsearch::model::find(architecture.name) {
        return Ok(model.default_layer.to_owned());
    }
    let network = architecture.network();
    let last = network.layers().iter().rfind(|layer| layer.ends_stage);
    Ok(last.ok_or("no layer ends a stage")?.name.clone())
}
