//! What reference values there are: `data/goldens/networks.json`, which their generator reads too.

use std::collections::BTreeMap;
use std::fs;

use candle_core::Tensor;
use imgsearch::backbone::{Architecture, FeatureMap};
use imgsearch::network::Network;
use serde::Deserialize;

use super::{corner, deviation, flat, golden, goldens, goldens_folder, map_deviation, pixels_of};

#[derive(Deserialize)]
pub struct Table {
    pub networks: Vec<Row>,
    crops: BTreeMap<String, Crop>,
}

/// A network, or a part of one, that was run in its reference implementation.
#[derive(Deserialize)]
pub struct Row {
    pub network: String,
    pub family: String,
    /// The layer behind which nothing was kept.
    deepest: String,
    /// Names of what it was run on.
    crops: Vec<String>,
    /// Another of its namings than the reference's, where it has one that is checked.
    pub naming: usize,
    /// Layers of ours to which the reference gives no name.
    #[serde(default)]
    unnamed: Vec<String>,
    /// With the trained weights, rather than seeded ones.
    #[serde(default)]
    pub trained: bool,
}

/// The upper left corner of a picture, and of which layers values are kept.
#[derive(Deserialize)]
pub struct Crop {
    pub picture: String,
    width: usize,
    height: usize,
    layers: Kept,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kept {
    /// Every layer's.
    Every,
    /// Those of layers that end a stage, and perhaps of others outside of stages.
    Stages,
}

impl Table {
    pub fn read() -> Self {
        let text = fs::read(goldens_folder().join("networks.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// What a row's network was run on, each with the name of its values.
    pub fn crops_of<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = (&'a str, &'a Crop)> {
        let crops = row.crops.iter();
        crops.map(|name| (name.as_str(), &self.crops[name]))
    }
}

impl Crop {
    /// So much of a picture, its colours scaled as `colours` says.
    pub fn of(&self, picture: &str, colours: &str) -> Tensor {
        corner(&pixels_of(picture, colours), self.height, self.width)
    }

    pub fn pixels(&self, colours: &str) -> Tensor {
        self.of(&self.picture, colours)
    }
}

impl Row {
    /// The network as far as its values go.
    pub fn network(&self) -> Network {
        let whole = Architecture::find(&self.network).unwrap().network();
        whole.cut_after(&[whole.find_layer(&self.deepest).unwrap().value])
    }

    /// The largest deviation from the reference of the maps of all layers. None of its values may
    /// be left over, and none that should be there may be missing.
    pub fn check(
        &self,
        (name, crop): (&str, &Crop),
        network: &Network,
        maps: &[FeatureMap],
    ) -> f32 {
        let values = goldens(&self.network, name);
        let (mut worst, mut compared) = (0f32, 0);
        for (layer, map) in network.layers().iter().zip(maps) {
            assert_eq!(layer.name, map.layer);
            let case = (&self.network, name, &layer.name);
            let difference = if values.shape(&format!("{}.gap", layer.name)).is_some() {
                compared += 2;
                map_deviation(&map.map, &values, &layer.name)
            } else if values.shape(&layer.name).is_some() {
                compared += 1;
                deviation(&flat(&map.map), &golden(&values, &layer.name))
            } else {
                let is_wanted = crop.layers == Kept::Every || layer.ends_stage;
                assert!(!is_wanted || self.unnamed.contains(&layer.name), "{case:?}");
                continue;
            };
            assert!(difference < 1e-4, "{case:?}: {difference}");
            worst = worst.max(difference);
        }
        let of_layers = values.names().filter(|name| *name != "descriptor").count();
        assert_eq!(
            compared, of_layers,
            "{}, {name}: values compared",
            self.network
        );
        worst
    }
}
