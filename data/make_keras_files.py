"""Small files as Keras saves them.

Versions: keras 3.15.1 on torch 2.15.0, h5py 3.16.0, numpy 2.4.6.

    KERAS_BACKEND=torch python data/make_keras_files.py

The files in data/weights hold the numbers of `make_weight_files.py`. Reference values of Keras'
ResNet50 are made by `make_goldens.py`, like those of all other networks.
"""

from pathlib import Path

import h5py
import keras
import numpy as np
from keras.src.legacy.saving import legacy_h5_format

here = Path(__file__).parent


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


small_files()
