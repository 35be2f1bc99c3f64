"""Makes the small weights files that the tests of `src/backbone/weights` read.

Run with torch (any version since 2.0): python3 data/make_weight_files.py
It overwrites the files in data/weights. safetensors files are made by the tests themselves.
"""

import argparse
import collections
import pathlib

import torch

FOLDER = pathlib.Path(__file__).parent / "weights"


def numbers(shape, step):
    """0, step, 2·step, …: exact in every floating-point type, and telling in a test."""
    count = torch.Size(shape).numel()
    return (torch.arange(count, dtype=torch.float32) * step).reshape(shape)


def state(dtype=torch.float32, prefix=""):
    """The state of a network with one convolution, its batch norm and a classifier."""
    tensors = collections.OrderedDict()
    tensors[prefix + "conv.weight"] = numbers((2, 3, 2, 2), 0.5).to(dtype)
    tensors[prefix + "bn.running_mean"] = numbers((2,), -0.25).to(dtype)
    tensors[prefix + "bn.num_batches_tracked"] = torch.tensor(7)
    # Stored as [3, 2] and seen as [2, 3]: the strides are not those of a row-major matrix.
    tensors[prefix + "fc.weight"] = numbers((3, 2), 1.0).to(dtype).t()
    # The second half of a storage that holds two tensors.
    tensors[prefix + "fc.bias"] = numbers((4,), 2.0).to(dtype)[2:]
    return tensors


class Network(torch.nn.Module):
    """Only to get a state that torch itself made, with its `_metadata` and parameters."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 2, 2)
        self.conv.weight.data = numbers((2, 3, 2, 2), 0.5)
        self.conv.bias.data = numbers((2,), 1.0)


def main():
    FOLDER.mkdir(exist_ok=True)

    def save(name, value, legacy=False):
        torch.save(value, FOLDER / name, _use_new_zipfile_serialization=not legacy)

    save("plain.pth", state())
    save("plain_legacy.pth", state(), legacy=True)
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        name = str(dtype).removeprefix("torch.")
        save(f"{name}.pth", state(dtype))
        save(f"{name}_legacy.pth", state(dtype), legacy=True)
    module = Network()
    save("module.pth", module.state_dict())
    save("module_legacy.pth", module.state_dict(), legacy=True)
    save("parameters.pth", {name: value for name, value in module.named_parameters()})
    wrapped = {"epoch": 3, "lr": 0.1, "best": None, "state_dict": state(prefix="module.")}
    save("wrapped.pth", wrapped)
    save("wrapped_legacy.pth", wrapped, legacy=True)
    foreign = {"args": argparse.Namespace(lr=0.1), "state_dict": state()}
    save("foreign.pth", foreign)
    save("foreign_legacy.pth", foreign, legacy=True)
    save("no_tensors.pth", {"epoch": 3, "losses": [0.5, 0.25]})


if __name__ == "__main__":
    main()
