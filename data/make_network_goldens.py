"""Reference values of torchvision's networks, with seeded weights, on crops of painted pictures.

Versions: torch 2.15.0, torchvision 0.29.2, pillow 13.0.0, numpy 2.4.6, safetensors 0.8.0.

    python data/make_network_goldens.py

For every network and crop a file data/goldens/NETWORK/PICTURE_WIDTHxHEIGHT.safetensors with
`LAYER.gap` [C] and `LAYER.sample` [64] (every n-th value of the flattened map) for each layer. The
crop is the picture's upper left corner; pixels are (v / 255 - mean) / std with ImageNet's figures.
"""

from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image
from safetensors.numpy import save_file

from seeded_weights import state_dict

SAMPLES = 64
MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)
CROPS = [("balloons_288x224", 160, 96), ("boats_400x300", 97, 127)]
RESNET_BLOCKS = [3, 4, 6, 3]
here = Path(__file__).parent / "goldens"

LAYERS = {
    "resnet50": ["relu", "maxpool"]
    + [
        # A stage goes by its own name, not by its last block's.
        f"layer{stage}" if block == blocks - 1 else f"layer{stage}.{block}"
        for stage, blocks in enumerate(RESNET_BLOCKS, 1)
        for block in range(blocks)
    ]
    + ["avgpool", "fc"],
    "mobilenet_v2": [f"features.{block}" for block in range(19)] + ["classifier.1"],
    "vgg16": [
        f"features.{number}"
        for number, layer in enumerate(torchvision.models.vgg16().features)
        if not isinstance(layer, torch.nn.Conv2d)
    ]
    + ["avgpool", "classifier.1", "classifier.4", "classifier.6"],
}


def pixels(image):
    values = np.asarray(image.convert("RGB"), dtype=np.float32)
    return torch.from_numpy((values / 255 - MEAN) / STD).permute(2, 0, 1)[None]


@torch.no_grad()
def goldens(net, layers, x):
    out = {}
    for name in layers:
        def keep(_module, _inputs, value, name=name):
            value = value if value.dim() == 4 else value[:, :, None, None]
            flat = value.flatten()
            out[f"{name}.gap"] = value.mean((2, 3))[0].numpy()
            out[f"{name}.sample"] = flat[torch.arange(SAMPLES) * len(flat) // SAMPLES].numpy()
        net.get_submodule(name).register_forward_hook(keep)
    net(x)
    return {name: np.ascontiguousarray(value) for name, value in out.items()}


for name, layers in LAYERS.items():
    weights = state_dict(getattr(torchvision.models, name)())
    (here / name).mkdir(parents=True, exist_ok=True)
    for index, (picture, width, height) in enumerate(CROPS):
        net = getattr(torchvision.models, name)().eval()
        net.load_state_dict(weights, strict=False)
        image = Image.open(here / "pictures" / f"{picture}.png").crop((0, 0, width, height))
        # VGG16's fully connected layers are most of its weights; once is enough.
        leave_out = "classifier" if name == "vgg16" and index > 0 else "nothing"
        wanted = [layer for layer in layers if leave_out not in layer]
        target = here / name / f"{picture.split('_')[0]}_{width}x{height}.safetensors"
        save_file(goldens(net, wanted, pixels(image)), target)
        print(target.name, target.stat().st_size)
