"""The networks as their reference implementations have them: features, then their global average."""

import sys
from pathlib import Path

import timm
import torch
import torchvision
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parents[2] / "data"))
from seeded_weights import state_dict  # noqa: E402

SIDE = 224
NAMES = ["efficientnet_lite0", "mobilenet_v2", "resnet50", "vgg16"]
# Measured when they are asked for.
MORE = [
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "mobilenet_v3_large",
    "regnet_y_400mf",
    "regnet_y_1_6gf",
    "resnext50_32x4d",
]


class Described(torch.nn.Module):
    def __init__(self, features):
        super().__init__()
        self.features = features

    def forward(self, x):
        return self.features(x).mean((2, 3))


def whole(name):
    """The network with its classifier, so that its weights have the names people share them under."""
    if name == "efficientnet_lite0":
        return timm.create_model("tf_efficientnet_lite0")
    return getattr(torchvision.models, name)()


def features(name, net):
    if name == "efficientnet_lite0":
        return torch.nn.Sequential(net.conv_stem, net.bn1, *net.blocks, net.conv_head, net.bn2)
    if name.startswith("regnet"):
        return torch.nn.Sequential(net.stem, net.trunk_output)
    if name.startswith("densenet"):
        return torch.nn.Sequential(net.features, torch.nn.ReLU())
    if name.startswith("resne"):
        return torch.nn.Sequential(*list(net.children())[:-2])
    return net.features


def seeded(name):
    """Weights with which activations keep their magnitude; VGG's fully connected layers, nine
    tenths of its weights, are left out."""
    weights = state_dict(whole(name))
    if name == "vgg16":
        weights = {key: value for key, value in weights.items() if key.startswith("features")}
    return weights


def described(name, weights):
    """The network that gives descriptors `[N, C]`, with the weights of a file."""
    net = whole(name).eval()
    path = Path(weights)
    loaded = load_file(path) if path.suffix == ".safetensors" else torch.load(path, weights_only=True)
    missing = net.load_state_dict(loaded, strict=False).missing_keys
    needed = [k for k in missing if "num_batches" not in k and not k.startswith(("classifier", "fc"))]
    assert not needed, f"{path} has no {needed[0]}"
    return Described(features(name, net)).eval()
