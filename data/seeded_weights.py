"""Weights that anyone can make anew: every number follows from its tensor's name and its place.

`tests/common/seeded.rs` makes the same ones, to the bit.
"""

import numpy as np

U64 = np.uint64


def fnv1a(name):
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def unit(name, count):
    """splitmix64 seeded by the name, as `count` numbers between 0 and 1 in steps of 2^-24."""
    place = np.arange(1, count + 1, dtype=U64)
    with np.errstate(over="ignore"):
        z = U64(fnv1a(name)) + place * U64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> U64(30))) * U64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> U64(27))) * U64(0x94D049BB133111EB)
    return ((z ^ (z >> U64(31))) >> U64(40)).astype(np.float64) / 2**24


def tensor(name, shape):
    if len(shape) > 1:
        bound = np.sqrt(6 / np.prod(shape[1:]))
        low, high = -bound, bound
    elif name.endswith(".running_var"):
        low, high = 0.5, 1.5
    elif name.endswith(".weight"):
        low, high = 0.6, 1.1
    else:
        low, high = -0.1, 0.1
    values = low + (high - low) * unit(name, int(np.prod(shape)))
    return values.astype(np.float32).reshape(shape)


def state_dict(net, name_of=lambda name: name):
    """The tensors of a torch network, each seeded by `name_of` its name there."""
    import torch

    shapes = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    return {
        name: torch.from_numpy(tensor(name_of(name), shape))
        for name, shape in shapes.items()
        if not name.endswith("num_batches_tracked")
    }
