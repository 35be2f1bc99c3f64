"""Reference values of torchvision's and timm's networks, with seeded weights, on crops of painted
pictures.

Versions: torch 2.15.0, torchvision 0.29.2, timm 1.0.31, efficientnet_lite_pytorch 0.1.0,
pillow 13.0.0, numpy 2.4.6, safetensors 0.8.0.

    python data/make_network_goldens.py [NETWORK...]

For every network and crop a file data/goldens/NETWORK/PICTURE_WIDTHxHEIGHT.safetensors with
`LAYER.gap` (the means of each channel, or where there are many of SAMPLES channels, evenly spaced)
and `LAYER.sample` [SAMPLES] (every n-th value of the flattened map) for each layer: every one for
the first crop, those that end a stage for the others. The crop is the picture's upper left corner;
pixels are (v / 255 - mean) / std with ImageNet's figures.

The three networks that came first keep all means and all layers, of other crops.
"""

import re
import sys
from pathlib import Path

import numpy as np
import timm
import torch
import torchvision
from efficientnet_lite_pytorch import EfficientNet as EfficientNetLite
from PIL import Image
from safetensors.numpy import save_file

from seeded_weights import state_dict

MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)
here = Path(__file__).parent / "goldens"

# The first networks' crops, and how many values are kept of each map.
FIRST_CROPS = [("balloons_288x224", 160, 96), ("boats_400x300", 97, 127)]
FIRST_SAMPLES = 64
# The others': a square one, and one of odd sides.
CROPS = [("balloons_288x224", 96, 96), ("boats_400x300", 97, 75)]
SAMPLES = 32


def pixels(image):
    values = np.asarray(image.convert("RGB"), dtype=np.float32)
    return torch.from_numpy((values / 255 - MEAN) / STD).permute(2, 0, 1)[None]


def spaced(values, count):
    return values[torch.arange(count) * len(values) // count]


@torch.no_grad()
def goldens(net, layers, x, samples, means=None):
    """`layers` are pairs of our name and the reference's."""
    out = {}
    for name, module in layers:
        def keep(_module, _inputs, value, name=name):
            value = value if value.dim() == 4 else value[:, :, None, None]
            gap = value.mean((2, 3))[0]
            few = means is None or len(gap) <= means
            out[f"{name}.gap"] = (gap if few else spaced(gap, means)).numpy()
            # Copied: the next module may overwrite it.
            out[f"{name}.sample"] = spaced(value.flatten(), samples).numpy().copy()
        net.get_submodule(module).register_forward_hook(keep)
    net(x)
    return {name: np.ascontiguousarray(value) for name, value in out.items()}


def resnet(blocks):
    # A stage goes by its own name, not by its last block's.
    return (
        ["relu", "maxpool"]
        + [
            f"layer{stage}" if block == count - 1 else f"layer{stage}.{block}"
            for stage, count in enumerate(blocks, 1)
            for block in range(count)
        ]
        + ["avgpool", "fc"]
    )


def vgg(net):
    features = [
        f"features.{number}"
        for number, layer in enumerate(net.features)
        if isinstance(layer, (torch.nn.ReLU, torch.nn.MaxPool2d))
    ]
    return features + ["avgpool", "classifier.1", "classifier.4", "classifier.6"]


def efficientnet(net):
    names = []
    for number, stage in enumerate(net.features):
        inside = 0 < number < len(net.features) - 1
        blocks = len(stage) - 1 if inside else 0
        names += [f"features.{number}.{block}" for block in range(blocks)] + [f"features.{number}"]
    return names + ["avgpool", "classifier.1"]


def mobilenet_v3(net):
    names = [f"features.{number}" for number in range(len(net.features))]
    return names + ["avgpool", "classifier.1", "classifier.3"]


def repvgg(net):
    names = ["stem"]
    for number, stage in enumerate(net.stages):
        names += [f"stages.{number}.{block}" for block in range(len(stage) - 1)]
        names += [f"stages.{number}"]
    return names + [("avgpool", "head.global_pool"), "head.fc"]


class ActivatedLite(torch.nn.Module):
    """The package's network with the activated stem and head as modules that can be hooked."""

    def __init__(self, variant):
        super().__init__()
        # Built without an input size it pads by the size that comes, as TensorFlow does.
        self.net = EfficientNetLite.from_name(f"efficientnet-lite{variant}", image_size=None)
        self.stem, self.head = torch.nn.Identity(), torch.nn.Identity()

    def state_dict(self):
        return self.net.state_dict()

    def load_state_dict(self, weights, strict):
        self.net.load_state_dict(weights, strict=strict)

    def forward(self, x):
        net = self.net
        x = self.stem(net._swish(net._bn0(net._conv_stem(x))))
        for block in net._blocks:
            x = block(x)
        x = self.head(net._swish(net._bn1(net._conv_head(x))))
        return net._fc(net._avg_pooling(x).flatten(1))


def lite(net):
    blocks = [(f"blocks.{index}", f"net._blocks.{index}") for index in range(len(net.net._blocks))]
    return ["stem"] + blocks + ["head", ("avgpool", "net._avg_pooling"), ("classifier", "net._fc")]


def tv(name):
    return lambda: getattr(torchvision.models, name)()


NETWORKS = {
    "resnet50": (tv("resnet50"), lambda _: resnet([3, 4, 6, 3])),
    "mobilenet_v2": (
        tv("mobilenet_v2"),
        lambda _: [f"features.{block}" for block in range(19)] + ["classifier.1"],
    ),
    "vgg16": (tv("vgg16"), vgg),
}
FIRST = list(NETWORKS)
for name in ["vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16_bn", "vgg19", "vgg19_bn"]:
    NETWORKS[name] = (tv(name), vgg)
for name, blocks in {
    "resnet18": [2, 2, 2, 2],
    "resnet34": [3, 4, 6, 3],
    "resnet101": [3, 4, 23, 3],
    "resnet152": [3, 8, 36, 3],
    "resnext50_32x4d": [3, 4, 6, 3],
    "wide_resnet50_2": [3, 4, 6, 3],
}.items():
    NETWORKS[name] = (tv(name), lambda _, blocks=blocks: resnet(blocks))
for variant in range(5):
    NETWORKS[f"efficientnet_b{variant}"] = (tv(f"efficientnet_b{variant}"), efficientnet)
for variant in range(1, 5):
    build = lambda variant=variant: ActivatedLite(variant)
    NETWORKS[f"efficientnet_lite{variant}"] = (build, lite)
for name in ["mobilenet_v3_large", "mobilenet_v3_small"]:
    NETWORKS[name] = (tv(name), mobilenet_v3)
for name in ["repvgg_a0", "repvgg_a1", "repvgg_b0"]:
    NETWORKS[name] = (lambda name=name: timm.create_model(name), repvgg)


def ends_stage(name):
    """Whether it is no block inside of a stage."""
    return not re.fullmatch(r"(layer\d|features\.\d|stages\.\d)\.\d+", name)


def make(name):
    build, layers_of = NETWORKS[name]
    weights = state_dict(build())
    (here / name).mkdir(parents=True, exist_ok=True)
    is_first = name in FIRST
    crops = FIRST_CROPS if is_first else CROPS
    for index, (picture, width, height) in enumerate(crops):
        net = build().eval()
        net.load_state_dict(weights, strict=False)
        layers = [pair if isinstance(pair, tuple) else (pair, pair) for pair in layers_of(net)]
        image = Image.open(here / "pictures" / f"{picture}.png").crop((0, 0, width, height))
        # VGG's fully connected layers are most of its weights; once is enough, of the first.
        if name.startswith("vgg") and (index > 0 or not is_first):
            layers = [pair for pair in layers if "classifier" not in pair[0]]
        if index > 0 and not is_first:
            layers = [pair for pair in layers if ends_stage(pair[0])]
        target = here / name / f"{picture.split('_')[0]}_{width}x{height}.safetensors"
        kept = (FIRST_SAMPLES,) if is_first else (SAMPLES, SAMPLES)
        values = goldens(net, layers, pixels(image), *kept)
        save_file(values, target)
        largest = max(abs(value).max() for value in values.values())
        smallest = min(abs(value).max() for value in values.values())
        print(f"{name} {target.name}: {target.stat().st_size} bytes, {smallest:.2g} … {largest:.2g}")


for name in sys.argv[1:] or NETWORKS:
    make(name)
