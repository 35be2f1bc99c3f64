//! Every network with seeded weights against its reference implementation, at every layer.

use candle_core::Tensor;
use imgsearch::backbone::{Architecture, Backbone, FeatureMap, Instructions, Placement};
use imgsearch::network::Network;
use imgsearch::weights::WeightsFile;

use super::table::{Row, Table};
use super::{COLOURS, deviation, flat, layer_names, seeded_file};

fn load(network: &Network, file: &WeightsFile, instructions: Instructions) -> Backbone {
    let layers = layer_names(network);
    Backbone::load_network(network, &layers, file, &Placement::cpu(), instructions).unwrap()
}

/// In each instruction set every crop alone; in the best one also within a batch, whose weights go
/// by the row's other naming.
fn equals_its_reference(table: &Table, row: &Row) {
    let network = row.network();
    let file = seeded_file(&network, 0);
    let mut worst = 0f32;
    let others = Instructions::available().into_iter();
    for instructions in others.filter(|others| *others != Instructions::best()) {
        let backbone = load(&network, &file, instructions);
        for (name, crop) in table.crops_of(row) {
            let maps = backbone.feature_maps(&crop.pixels(COLOURS)).unwrap();
            worst = worst.max(row.check((name, crop), &network, &maps));
        }
    }
    let backbone = load(&network, &file, Instructions::best());
    let renamed = (row.naming > 0).then(|| {
        let file = seeded_file(&network, row.naming);
        load(&network, &file, Instructions::best())
    });
    let batched = renamed.as_ref().unwrap_or(&backbone);
    for (name, crop) in table.crops_of(row) {
        let pictures = ["beach", &crop.picture, "city"].map(|name| crop.of(name, COLOURS));
        let alone = pictures
            .each_ref()
            .map(|pixels| backbone.feature_maps(pixels).unwrap());
        worst = worst.max(row.check((name, crop), &network, &alone[1]));
        let together = batched.feature_maps(&Tensor::cat(&pictures, 0).unwrap());
        each_is_what_it_is_alone(&row.network, &together.unwrap(), &alone);
    }
    println!(
        "{}: largest deviation from the reference {worst:.1e}",
        row.network
    );
}

fn each_is_what_it_is_alone(network: &str, batch: &[FeatureMap], alone: &[Vec<FeatureMap>; 3]) {
    for (index, alone) in alone.iter().enumerate() {
        for (alone, batch) in alone.iter().zip(batch) {
            let one = flat(&batch.map.get(index).unwrap());
            let worst = deviation(&one, &flat(&alone.map));
            assert!(worst < 1e-5, "{network}, {index}, {}: {worst}", alone.layer);
        }
    }
}

macro_rules! families {
    ($($test:ident: $family:literal;)+) => {
        const FAMILIES: &[&str] = &[$($family),+];

        $(#[test]
        fn $test() {
            let table = Table::read();
            let is_of_it = |row: &&Row| row.family == $family && !row.trained;
            let rows = table.networks.iter().filter(is_of_it);
            rows.for_each(|row| equals_its_reference(&table, row));
        })+
    };
}

families! {
    vggs_give_torchvisions_layers: "vgg";
    resnets_give_torchvisions_layers: "resnet";
    keras_resnet_gives_keras_layers: "resnet_keras";
    mobilenet_v2_gives_torchvisions_layers: "mobilenet_v2";
    mobilenet_v3s_give_torchvisions_layers: "mobilenet_v3";
    efficientnets_give_torchvisions_layers: "efficientnet";
    efficientnet_lites_give_the_packages_layers: "efficientnet_lite";
    repvggs_give_timms_layers: "repvgg";
    regnets_give_torchvisions_layers: "regnet";
    densenet_gives_torchvisions_layers: "densenet";
    convnexts_give_torchvisions_layers: "convnext";
}

#[test]
fn every_network_is_in_the_table_and_every_row_of_it_is_walked() {
    let table = Table::read();
    for architecture in Architecture::all() {
        let is_of_it = |row: &Row| row.network == architecture.name && !row.trained;
        assert!(table.networks.iter().any(is_of_it), "{}", architecture.name);
    }
    for row in &table.networks {
        assert!(FAMILIES.contains(&row.family.as_str()), "{}", row.family);
    }
}

#[test]
fn nothing_behind_the_deepest_tap_is_loaded() {
    let architecture = Architecture::find("efficientnet_lite0").unwrap();
    let network = architecture.network();
    let file = seeded_file(&network, 0);
    let backbone = Backbone::load(architecture, &["blocks.4"], &file, &Placement::cpu()).unwrap();
    let deepest = network.find_layer("blocks.4").unwrap().value;
    assert_eq!(backbone.network().steps().len(), deepest.0);
}
