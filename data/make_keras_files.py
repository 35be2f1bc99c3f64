"""Small files as Keras saves them, and reference values of Keras' ResNet50 with seeded weights.

Versions: keras 3.15.1 on torch 2.15.0, h5py 3.16.0, numpy 2.4.6, pillow 13.0.0, safetensors 0.8.0.

    KERAS_BACKEND=torch python data/make_keras_files.py

The files in data/weights hold the numbers of `make_weight_files.py`. The values in
data/goldens/resnet50_keras are as `make_network_goldens.py` has them, of the same crops and pixels:
what is compared is the network, not Keras' preprocessing.
"""

from pathlib import Path

import h5py
import keras
import numpy as np
import torch
from keras.src.legacy.saving import legacy_h5_format
from PIL import Image
from safetensors.numpy import save_file

from seeded_weights import tensor

here = Path(__file__).parent
CROPS = [("balloons_288x224", 96, 96, True), ("boats_400x300", 97, 75, False)]
SAMPLES = 32
MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)
BLOCKS = [3, 4, 6, 3]


def numbers(count, step):
    return np.arange(count, dtype=np.float32) * step


def outputs_last(values):
    """From torch's order of axes to Keras'."""
    return values.transpose(2, 3, 1, 0) if values.ndim == 4 else values.T


def small_files():
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(2, 2, use_bias=False, name="conv")(inputs)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    net = keras.Model(inputs, layers.Dense(3, name="fc")(x))
    net.get_layer("conv").set_weights([outputs_last(numbers(24, 0.5).reshape(2, 3, 2, 2))])
    norm = [numbers(2, step) for step in (1.0, 2.0, -0.25, 3.0)]
    net.get_layer("bn").set_weights(norm)
    net.get_layer("fc").set_weights([outputs_last(numbers(6, 1.0).reshape(3, 2)), numbers(3, 2.0)])
    net.save_weights(here / "weights" / "keras.weights.h5")
    with h5py.File(here / "weights" / "keras.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, net)
        # As Keras' own downloads of old call a kernel and its bias.
        old = file.create_group("block1_conv1")
        old["block1_conv1_W_1:0"] = outputs_last(numbers(24, 0.5).reshape(2, 3, 2, 2))
        old["block1_conv1_b_1:0"] = numbers(2, 1.0)
        # On a flattened map of 1 x 2 cells and 2 channels.
        file.create_group("flat")["kernel"] = numbers(4, 1.0).reshape(4, 1)


def seed(layer):
    norm = ["weight", "bias", "running_mean", "running_var"]
    parts = norm if isinstance(layer, keras.layers.BatchNormalization) else ["weight", "bias"]
    values = []
    for part, variable in zip(parts, layer.weights):
        shape = tuple(variable.shape)
        order = {4: (3, 2, 0, 1), 2: (1, 0)}.get(len(shape))
        if order is None:
            values.append(tensor(f"{layer.name}.{part}", shape))
            continue
        name = f"{layer.name}.{part}"
        # A linear layer is seeded as the 1x1 convolution that it is.
        values.append(outputs_last(tensor(name, tuple(shape[axis] for axis in order))))
    layer.set_weights(values)


def spaced(values, count):
    return values[np.arange(count) * len(values) // count]


def goldens(picture, width, height, every_layer):
    net = keras.applications.ResNet50(
        weights=None, input_shape=(height, width, 3), classifier_activation=None
    )
    for layer in net.layers:
        if layer.weights:
            seed(layer)
    names = ["conv1_relu", "pool1_pool"]
    for stage, blocks in enumerate(BLOCKS, 2):
        first = 1 if every_layer else blocks
        names += [f"conv{stage}_block{block}_out" for block in range(first, blocks + 1)]
    names += ["avg_pool", "predictions"]
    taps = keras.Model(net.input, [net.get_layer(name).output for name in names])
    image = Image.open(here / "goldens" / "pictures" / f"{picture}.png").crop((0, 0, width, height))
    pixels = (np.asarray(image.convert("RGB"), dtype=np.float32) / 255 - MEAN) / STD
    out = {}
    with torch.no_grad():
        maps = taps(torch.from_numpy(pixels)[None])
    for name, value in zip(names, maps):
        value = value.detach().numpy()
        value = value.transpose(0, 3, 1, 2) if value.ndim == 4 else value[:, :, None, None]
        gap = value.mean((2, 3))[0]
        out[f"{name}.gap"] = spaced(gap, SAMPLES)
        out[f"{name}.sample"] = spaced(value.flatten(), SAMPLES)
    folder = here / "goldens" / "resnet50_keras"
    folder.mkdir(exist_ok=True)
    target = folder / f"{picture.split('_')[0]}_{width}x{height}.safetensors"
    save_file({name: np.ascontiguousarray(value) for name, value in out.items()}, target)
    print(target.name, target.stat().st_size, max(abs(v).max() for v in out.values()))


small_files()
for crop in CROPS:
    goldens(*crop)
