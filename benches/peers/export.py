"""The same network and weights for every engine: a safetensors file, an ONNX file, and pixels.

    python export.py FOLDER [--network NAME [--weights FILE]]

Without weights of your own (torchvision's names, timm's for EfficientNet-Lite0) they are seeded:
speed does not depend on the values, and the engines are still checked against each other.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import onnx
import timm
import torch
from safetensors.torch import load_file, save_file

from networks import MORE, NAMES, SIDE, Described, described, features, seeded

LARGEST_BATCH = 8


def exportable(name, weights):
    """torch's exporter spells out TensorFlow's padding as a dozen operations that compute it from
    the input's size. So EfficientNet-Lite0 is exported padded symmetrically, and `pad_as_tensorflow`
    then sets the paddings, which leaves ONNX Runtime and OpenVINO plain convolutions."""
    if name != "efficientnet_lite0":
        return described(name, weights)
    net = timm.create_model("efficientnet_lite0", bn_eps=1e-3).eval()
    net.load_state_dict(load_file(weights), strict=False)
    return Described(features(name, net)).eval()


def pad_as_tensorflow(model):
    """All maps that are halved have even sides at this size."""
    for node in model.graph.node:
        attributes = {attribute.name: attribute for attribute in node.attribute}
        if node.op_type == "Conv" and attributes["strides"].ints[0] == 2:
            padding = attributes["kernel_shape"].ints[0] - 2
            before, after = padding // 2, padding - padding // 2
            attributes["pads"].ints[:] = [before, before, after, after]


def export(name, folder, weights=None):
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "weights.safetensors"
    save_file(load_own(weights) if weights else seeded(name), file)
    target = folder / "network.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            exportable(name, file),
            (torch.zeros(1, 3, SIDE, SIDE),),
            target,
            input_names=["pixels"],
            output_names=["descriptors"],
            dynamic_axes={"pixels": {0: "n"}, "descriptors": {0: "n"}},
            opset_version=17,
            dynamo=False,
        )
    if name == "efficientnet_lite0":
        model = onnx.load(target)
        pad_as_tensorflow(model)
        onnx.save(model, target)


def load_own(path):
    path = Path(path)
    if path.suffix == ".safetensors":
        return load_file(path)
    return {k: v.contiguous() for k, v in torch.load(path, weights_only=True).items()}


def pixels():
    """Smooth like a photo and normalized like one, `[8, 3, 224, 224]`."""
    noise = np.random.default_rng(0).standard_normal((LARGEST_BATCH, 3, 28, 28)).astype(np.float32)
    smooth = torch.nn.functional.interpolate(
        torch.from_numpy(noise), size=(SIDE, SIDE), mode="bicubic"
    )
    return smooth.numpy()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--network", choices=NAMES + MORE)
    arguments.add_argument("--weights", type=Path)
    given = arguments.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    pixels().tofile(given.folder / "pixels.f32")
    for name in [given.network] if given.network else NAMES:
        export(name, given.folder / name, given.weights)


if __name__ == "__main__":
    main()
