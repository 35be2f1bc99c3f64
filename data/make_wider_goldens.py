"""Reference values of torchvision's RegNetY, DenseNet and ConvNeXt, with seeded weights, on crops of
painted pictures.

Versions: torch 2.15.0, torchvision 0.29.2, pillow 13.0.0, numpy 2.4.6, safetensors 0.8.0.

    python data/make_wider_goldens.py [NETWORK...]

For every network and crop a file data/goldens/NETWORK/PICTURE_WIDTHxHEIGHT.safetensors with, for
each layer, `LAYER.gap` (the means of 32 channels, evenly spaced) and `LAYER.sample` (32 values of
the flattened map, evenly spaced): every layer for the first crop, those that end a stage for the
second. The crop is the picture's upper left corner; pixels are (v / 255 - mean) / std with
ImageNet's figures.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image
from safetensors.numpy import save_file

from seeded_weights import state_dict

MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)
CROPS = [("balloons_288x224", 96, 96), ("boats_400x300", 97, 75)]
SAMPLES = 32
here = Path(__file__).parent / "goldens"


def regnet(net):
    names = ["stem"]
    for stage, blocks in net.trunk_output.named_children():
        inside = [name for name, _ in blocks.named_children()][:-1]
        names += [f"trunk_output.{stage}.{name}" for name in inside] + [f"trunk_output.{stage}"]
    return names + ["avgpool", "fc"]


def densenet(net):
    names = ["features.relu0", "features.pool0"]
    for name, part in net.features.named_children():
        if name.startswith("denseblock"):
            names += [f"features.{name}.{layer}" for layer, _ in part.named_children()]
        if name.startswith(("denseblock", "transition", "norm5")):
            names.append(f"features.{name}")
    return names + ["classifier"]


def convnext(net):
    names = []
    for number, stage in enumerate(net.features):
        blocks = len(stage) - 1 if number % 2 else 0
        names += [f"features.{number}.{block}" for block in range(blocks)] + [f"features.{number}"]
    return names + ["avgpool", "classifier.0", "classifier.2"]


NETWORKS = {
    "regnet_y_400mf": regnet,
    "regnet_y_1_6gf": regnet,
    "regnet_y_3_2gf": regnet,
    "densenet121": densenet,
    "convnext_tiny": convnext,
    "convnext_small": convnext,
    "convnext_base": convnext,
}


def is_inside(name):
    """Whether it is a block or layer inside of a stage."""
    return name.count(".") > 1 or "-" in name


def pixels(image):
    values = np.asarray(image.convert("RGB"), dtype=np.float32)
    return torch.from_numpy((values / 255 - MEAN) / STD).permute(2, 0, 1)[None]


def spaced(values):
    # Copied: the next module may overwrite it.
    count = min(SAMPLES, len(values))
    return values[torch.arange(count) * len(values) // count].numpy().copy()


@torch.no_grad()
def goldens(net, layers, x):
    out = {}
    for name in layers:
        def keep(_module, _inputs, value, name=name):
            value = value if value.dim() == 4 else value[:, :, None, None]
            out[f"{name}.gap"] = spaced(value.mean((2, 3))[0])
            out[f"{name}.sample"] = spaced(value.flatten())
        net.get_submodule(name).register_forward_hook(keep)
    net(x)
    return out


def make(name):
    net = getattr(torchvision.models, name)().eval()
    net.load_state_dict(state_dict(net), strict=False)
    (here / name).mkdir(parents=True, exist_ok=True)
    layers = NETWORKS[name](net)
    for index, (picture, width, height) in enumerate(CROPS):
        wanted = [layer for layer in layers if index == 0 or not is_inside(layer)]
        image = Image.open(here / "pictures" / f"{picture}.png").crop((0, 0, width, height))
        target = here / name / f"{picture.split('_')[0]}_{width}x{height}.safetensors"
        values = goldens(net, wanted, pixels(image))
        save_file(values, target)
        largest = [abs(value).max() for value in values.values()]
        print(name, target.name, target.stat().st_size, f"{min(largest):.2g} … {max(largest):.2g}")


for name in sys.argv[1:] or NETWORKS:
    make(name)
