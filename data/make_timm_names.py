"""Writes timm's names of the networks that the catalogue has architectures for.

Version: timm 1.0.20 (from PyPI).

    python data/make_timm_names.py > src/model/catalogue/timm.rs

What pictures go through is what `timm.data.resolve_model_data_config` says, as on the cards of the
models: the size they were trained at. Names whose weights and pictures are a catalogue row's own are left
out, since that row is found by them. Left out as well is what has no classifier (CLIP's and DINO's), whose
files are laid out otherwise.
"""

import math
import pathlib
import re

from timm.models import get_pretrained_cfg, list_pretrained

CATALOGUE = pathlib.Path(__file__).parent.parent / "src" / "model" / "catalogue"
LICENCES = {None: "Apache-2.0", "mit": "MIT", "bsd-3-clause": "BSD-3-Clause", "cc-by-nc-4.0": "CC-BY-NC-4.0"}
CLASSES = (1000, 11221, 11821, 21841)
HEAD = '''//! Networks by timm's names, with the pictures that timm gives them: written by
//! `data/make_timm_names.py` from the tables of timm 1.0.20.

use super::entry::{Model, hub};

macro_rules! timm {
    ($($name:literal, $architecture:literal, $layer:literal, $licence:literal, $preprocess:literal;)*) => {
        &[$(Model {
            name: $name,
            architecture: $architecture,
            licence: $licence,
            citation: concat!("weights: timm, ", $name),
            top1: None,
            preprocess: $preprocess,
            default_layer: $layer,
            sources: &[hub(concat!("timm/", $name))],
        }),*]
    };
}
'''


def rows():
    """name: architecture, default layer, preprocessing of the catalogue's rows by timm's name."""
    found = {}
    for path in sorted(CATALOGUE.glob("*.rs")):
        text = re.sub(r"\\\n\s*", "", (CATALOGUE / "entry.rs").read_text() + path.read_text())
        constants = dict(re.findall(r'const (\w+): &str = "(.*?)"', text, re.S))
        value = lambda text: text[1:-1] if text.startswith('"') else constants[text]
        for block in re.split(r"Model \{\n", text)[1:]:
            name = re.search(r'hub\("timm/(.*?)"\)', block)
            if name and path.name not in ("mod.rs", "timm.rs"):
                field = lambda key: re.search(key + r": (.*?),\n", block, re.S)[1].strip()
                fields = ("architecture", "default_layer", "preprocess")
                found[name[1]] = [value(field(key)) for key in fields]
    return found


def preprocess(config):
    size, share = config["input_size"][1], config["crop_pct"]
    numbers = lambda values: "/".join(f"{value:g}" if value in (0, 1) else repr(value) for value in values)
    resize = f"{size}x{size},crop=none" if config.get("crop_mode") == "squash" else f"{math.floor(size / share)},crop={size}"
    assert config.get("crop_mode", "center") in ("center", "squash") and (share == 1 or "x" not in resize)
    keys = f"resize={resize},interpolation={config['interpolation']}"
    return f"{keys},mean={numbers(config['mean'])},std={numbers(config['std'])}"


def main():
    own = rows()
    of_base = {name.split(".")[0]: fields for name, fields in own.items()}
    print(HEAD)
    print("/// Those that are no row of their own elsewhere.")
    print("#[rustfmt::skip]")
    print("pub const MODELS: &[Model] = timm! {")
    known = set(own)
    for name in list_pretrained():
        base = name.split(".")[0]
        config = get_pretrained_cfg(name).to_dict()
        if base not in of_base or config["num_classes"] not in CLASSES or config.get("hf_hub_filename"):
            continue
        architecture, layer, of_row = of_base[base]
        keys = preprocess(config)
        known.add(name)
        if name in own and own[name][2] == keys:
            continue
        licence = LICENCES[config.get("license")]
        print(f'    "{name}", "{architecture}", "{layer}", "{licence}",')
        print(f'        "{keys}";')
    print("};\n")
    print("/// timm's names without a tag, and what they stand for; ours of the same name mean what they say.")
    print("pub const WITHOUT_TAG: &[(&str, &str)] = &[")
    taken = {fields[0] for fields in own.values()}
    for base in sorted(of_base):
        tag = get_pretrained_cfg(base).tag
        if base not in taken and f"{base}.{tag}" in known:
            print(f'    ("{base}", "{base}.{tag}"),')
    print("];")


if __name__ == "__main__":
    main()
