"""Writes one small network in every kind of file in which people have networks.

Versions: torch 2.8.0, torchvision 0.23.0, timm 1.0.20, pytorch-lightning 2.6.6, keras 3.11.3 on torch,
h5py 3.16.0, safetensors 0.8.0, onnx 1.23.2, numpy 2.4.6 (all from PyPI).

    KERAS_BACKEND=torch python data/make_weight_kinds.py

It overwrites data/weights/kinds: the files, `table.csv` (columns `file,key,prefix,refused`) and
`reference.csv`, the numbers that torch makes of the network's pooled last map. The network is the narrow
ResNet of `tests/kinds.rs`; its numbers are those of `seeded_weights.py`. EMA weights are the network's,
plain ones beside them another's, so that which of them was taken shows.
"""

import argparse
import collections
import csv
import datetime
import io
import json
import pathlib
import pickle
import shutil
import warnings

import h5py
import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from seeded_weights import state_dict as seeded

warnings.filterwarnings("ignore")
FOLDER = pathlib.Path(__file__).parent / "weights" / "kinds"
TABLE = []


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def forward(self, x):
        around = x if self.downsample is None else self.downsample(x)
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x)) + around)


class Network(nn.Module):
    def __init__(self, classes=5):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(6)
        self.relu = nn.ReLU()
        self.maxpool = nn.Identity()
        self.layer1 = nn.Sequential(Block(6, 6, 1))
        self.layer2 = nn.Sequential(Block(6, 8, 2))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8, classes)

    def features(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        return self.avgpool(self.layer2(self.layer1(x))).flatten(1)

    def forward(self, x):
        return self.fc(self.features(x))


def network(other=False):
    net = Network()
    net.load_state_dict(seeded(net, (lambda name: "other." + name) if other else (lambda n: n)), strict=False)
    return net.eval()


NET, OTHER = network(), network(other=True)
STATE, PLAIN = NET.state_dict(), OTHER.state_dict()


def row(file, key="", prefix="", refused=""):
    TABLE.append([file, key, prefix, refused])
    return FOLDER / file


def save(file, value, legacy=False, **choice):
    torch.save(value, row(file, **choice), _use_new_zipfile_serialization=not legacy)


def under(prefix, state=None):
    return collections.OrderedDict((prefix + name, value) for name, value in (state or STATE).items())


def optimizer():
    net = network()
    it = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    net(torch.ones(2, 3, 16, 16)).sum().backward()
    it.step()
    return it.state_dict()


def plain():
    save("state_dict.pth", STATE)
    save("state_dict_legacy.pth", STATE, legacy=True)
    save("double.pth", {name: value.double() if value.is_floating_point() else value for name, value in STATE.items()})
    save_file(dict(STATE), row("model.safetensors"))
    save("parameters_requiring_grad.pth", {**dict(NET.named_parameters()), **dict(NET.named_buffers())})
    save("channels_last.pth", network().to(memory_format=torch.channels_last).state_dict())
    shared = network().state_dict()
    shared["fc_again.weight"] = shared["fc.weight"]
    save("shared_storage.pth", shared)
    save("expanded.pth", {**STATE, "one": torch.ones(1).expand(100)})


def checkpoints():
    args = argparse.Namespace(arch="resnet", lr=0.1, path=pathlib.PurePosixPath("a/b"), device=torch.device("cpu"))
    save("imagenet_example.pth", {
        "epoch": 90, "arch": "resnet18", "state_dict": under("module."), "best_acc1": torch.tensor(69.7),
        "optimizer": optimizer(), "scheduler": {"last_epoch": 90, "_last_lr": [0.001]},
    })
    save("torchvision_reference.pth", {
        "model": STATE, "optimizer": optimizer(), "lr_scheduler": {"step_size": 30},
        "epoch": 89, "args": args, "scaler": {"scale": 65536.0, "_growth_tracker": 0},
    })
    save("torchvision_reference_ema.pth", {
        "model": PLAIN, "optimizer": optimizer(), "args": args,
        "model_ema": {"n_averaged": torch.tensor(9), **under("module.")},
    })
    save("timm_train.pth", {
        "epoch": 3, "arch": "resnet18", "state_dict": PLAIN, "optimizer": optimizer(), "version": 2,
        "args": args, "state_dict_ema": STATE, "metric": np.float64(71.5),
    })
    save("timm_train_plain.pth", {
        "epoch": 3, "state_dict": STATE, "state_dict_ema": PLAIN, "args": args,
    }, key="state_dict")
    save("args_legacy.pth", {"args": args, "state_dict": STATE}, legacy=True)
    save("numpy_and_dates.pth", {
        "model_state_dict": STATE, "loss": np.float32(0.5), "history": np.arange(3.0),
        "when": datetime.datetime(2024, 2, 29, 12), "took": datetime.timedelta(seconds=9),
        "seen": {1, 2}, "frozen": frozenset("ab"), "large": 1 << 80, "raw": b"\0\1", "rng": torch.get_rng_state(),
    })
    save("defaultdict.pth", collections.defaultdict(dict, {"state_dict": STATE}))
    save("nested.pth", {"run": {"checkpoint": {"my_net": STATE}}, "losses": [torch.tensor(0.5)]})
    nested = {}
    for name, value in STATE.items():
        *keys, last = name.split(".")
        inner = nested
        for key in keys:
            inner = inner.setdefault(key, {})
        inner[last] = value
    save("dict_of_modules.pth", nested)
    save("in_a_list.pth", [{"epoch": 3}, STATE])
    for key in ["student", "teacher", "weights", "ema", "model_ema", "net", "G"]:
        save(f"key_{key}.pth", {key: STATE, "step": 7})
    save("ema_before_plain.pth", {"weights": PLAIN, "ema": STATE})
    save("encoder_and_head.pth", {"encoder": STATE, "head": {"0.weight": torch.ones(4, 4)}})
    complex_ = {"spectrum": torch.ones(3, dtype=torch.complex64), "spectrum2": torch.ones(2, dtype=torch.complex128)}
    save("complex_beside.pth", {**STATE, **complex_})
    quantized = torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8)
    save("quantized_beside.pth", {**STATE, "quantized": quantized})
    save("float8_beside.pth", {**STATE, "eight": torch.ones(4).to(torch.float8_e4m3fn), "u": torch.ones(2).to(torch.uint16)})
    save("sparse_beside.pth", {**STATE, "sparse": torch.eye(3).to_sparse()})
    save("list_of_tensors.pth", list(STATE.values()))
    save("list_of_tensors_in_a_dict.pth", {"weights": [value for value in STATE.values() if value.dim()], "epoch": 3})


def wrappers():
    save("data_parallel.pth", nn.DataParallel(NET).state_dict())
    save("compiled.pth", under("_orig_mod."))
    save("compiled_parallel.pth", under("module._orig_mod."))
    save("averaged_model.pth", torch.optim.swa_utils.AveragedModel(NET).state_dict())
    save("moco.pth", {"arch": "resnet50", "state_dict": {
        **under("module.encoder_q."), **under("module.encoder_k.", PLAIN), "module.queue": torch.ones(4, 8),
        "module.queue_ptr": torch.zeros(1, dtype=torch.long),
    }})
    save("dino.pth", {"student": under("module.backbone.", PLAIN), "teacher": under("backbone."),
                      "dino_loss": {"center": torch.zeros(1, 8)}, "args": argparse.Namespace(a=1)})
    save("mmpretrain.pth", {"meta": {"epoch": 3}, "message_hub": collections.OrderedDict(), "state_dict": {
        **{f"backbone.{n}": v for n, v in STATE.items() if not n.startswith("fc.")},
        "head.fc.weight": STATE["fc.weight"], "head.fc.bias": STATE["fc.bias"],
        "data_preprocessor.mean": torch.ones(3, 1, 1),
    }})
    save("sequential_children.pth", nn.Sequential(*list(NET.children())[:-1]).state_dict())
    save("sequential_backbone.pth", nn.Sequential(NET, nn.Linear(5, 2)).state_dict())
    head = {name: value for name, value in STATE.items() if not name.startswith("fc.")}
    save("without_head.pth", head)
    save("other_classes.pth", {**head, "fc.weight": torch.ones(3, 8), "fc.bias": torch.zeros(3)})
    save("two_networks_by_prefix.pth", {**under("a."), **under("b.", PLAIN)}, prefix="a.")


def lightning():
    import pytorch_lightning as pl
    import torchmetrics

    class Module(pl.LightningModule):
        def __init__(self, lr=0.1):
            super().__init__()
            self.save_hyperparameters()
            self.backbone = network()
            self.projector = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4))
            self.accuracy = torchmetrics.MeanMetric()
            self.register_buffer("queue", torch.ones(4, 8))

        def training_step(self, batch, index):
            return self.projector(self.backbone(batch)).sum()

        def configure_optimizers(self):
            return torch.optim.Adam(self.projector.parameters(), 0.0)

    module = Module()
    folder = FOLDER / "run"
    trainer = pl.Trainer(
        max_steps=1, accelerator="cpu", logger=False, enable_progress_bar=False,
        default_root_dir=folder, enable_checkpointing=False,
    )
    module.backbone.requires_grad_(False)
    trainer.fit(module, torch.utils.data.DataLoader(torch.ones(4, 3, 16, 16), batch_size=4))
    module.backbone.load_state_dict(STATE)
    trainer.save_checkpoint(row("lightning.ckpt"))
    shutil.rmtree(folder, ignore_errors=True)


def sharded():
    names = list(STATE)
    parts = [names[:9], names[9:]]
    files = [f"model-0000{part + 1}-of-00002.safetensors" for part in range(2)]
    for folder, has_index in [("sharded", True), ("shards_without_index", False)]:
        place = FOLDER / folder
        place.mkdir()
        for file, part in zip(files, parts):
            save_file({name: STATE[name].clone() for name in part}, place / file)
        if has_index:
            index = {"metadata": {}, "weight_map": {n: f for f, part in zip(files, parts) for n in part}}
            (place / "model.safetensors.index.json").write_text(json.dumps(index))
            row(f"{folder}/model.safetensors.index.json")
        row(folder)
    place = FOLDER / "hub_folder"
    place.mkdir()
    save_file(dict(STATE), place / "model.safetensors")
    (place / "config.json").write_text("{}")
    row("hub_folder")


def keras_files():
    import keras
    from keras.src.legacy.saving import legacy_h5_format

    layers = keras.layers

    def block(x, name, channels, stride, around):
        y = layers.ZeroPadding2D(1)(x)
        y = layers.Conv2D(channels, 3, stride, use_bias=False, name=f"{name}_conv1")(y)
        y = layers.ReLU()(layers.BatchNormalization(name=f"{name}_bn1")(y))
        y = layers.Conv2D(channels, 3, 1, "same", use_bias=False, name=f"{name}_conv2")(y)
        y = layers.BatchNormalization(name=f"{name}_bn2")(y)
        if around:
            x = layers.Conv2D(channels, 1, stride, use_bias=False, name=f"{name}_downsample_0")(x)
            x = layers.BatchNormalization(name=f"{name}_downsample_1")(x)
        return layers.ReLU()(layers.Add()([y, x]))

    inputs = keras.Input((None, None, 3))
    x = layers.ZeroPadding2D(1)(inputs)
    x = layers.Conv2D(6, 3, 2, use_bias=False, name="conv1")(x)
    x = layers.ReLU()(layers.BatchNormalization(name="bn1")(x))
    x = block(x, "layer1_0", 6, 1, False)
    x = block(x, "layer2_0", 8, 2, True)
    x = layers.GlobalAveragePooling2D()(x)
    net = keras.Model(inputs, layers.Dense(5, name="fc")(x))
    # Keras' names have no dots.
    underscored = {name.rsplit(".", 1)[0].replace(".", "_") + "." + name.rsplit(".", 1)[1]: value.numpy()
                   for name, value in STATE.items()}
    for layer in net.layers:
        parts = [f"{layer.name}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        own = [underscored[part] for part in parts if part in underscored]
        if own:
            own[0] = own[0].transpose(2, 3, 1, 0) if own[0].ndim == 4 else own[0].T
            layer.set_weights(own)
    net.save(row("keras.keras"))
    net.save_weights(row("keras.weights.h5"))
    net.save(row("keras_whole.h5"))
    with h5py.File(row("keras_legacy.h5"), "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, net)


def refused():
    save("pickled_module.pth", NET, refused="a pickled module of class")
    save("pickled_module_legacy.pth", NET, legacy=True, refused="a pickled module of class")
    save("pickled_module_beside_optimizer.pth", {"model": NET, "optimizer": optimizer()}, refused="a pickled module of class")
    torch.jit.trace(NET, torch.ones(1, 3, 16, 16)).save(str(row("torchscript.pt", refused="a TorchScript program")))
    torch.export.save(torch.export.export(NET, (torch.ones(1, 3, 16, 16),)), row("exported.pt2", refused="torch.export"))
    np.savez(row("numpy.npz", refused="numpy arrays"), **{name: value.numpy() for name, value in STATE.items()})
    with open(row("plain.pkl", refused="a plain pickle"), "wb") as file:
        pickle.dump({name: value.numpy() for name, value in STATE.items()}, file)
    import onnx
    from onnx import TensorProto, helper

    value = helper.make_tensor("conv1.weight", TensorProto.FLOAT, (1,), [1.0])
    graph = helper.make_graph([], "net", [], [], [value])
    onnx.save(helper.make_model(graph, producer_name="pytorch"), row("network.onnx", refused="an ONNX network"))
    saved = FOLDER / "saved_model"
    saved.mkdir()
    (saved / "saved_model.pb").write_bytes(b"\x08\x01\x12\x04abcd")
    row("saved_model", refused="a saved model of TensorFlow")
    orbax = FOLDER / "orbax"
    orbax.mkdir()
    (orbax / "_CHECKPOINT_METADATA").write_text("{}")
    row("orbax", refused="orbax")
    row("flax.msgpack", refused="Flax's msgpack").write_bytes(b"\x81\xa6params\x81\xa1a\xc0")
    row("model.gguf", refused="GGUF").write_bytes(b"GGUF\x03\0\0\0" + b"\0" * 16)
    row("page.pth", refused="a web page").write_text("<!DOCTYPE html><html>Not found</html>")
    row("pointer.pth", refused="Git LFS").write_text("version https://git-lfs.github.com/spec/v1\n")
    row("empty.pth", refused="an empty file").write_bytes(b"")

    class Runs:
        def __reduce__(self):
            import os
            return os.system, ("echo run > /tmp/it_was_run",)

    save("runs_programs.pth", {"state_dict": STATE, "x": Runs()}, refused="which runs programs")
    broken = {**STATE, "layer2.0.conv1.weight": STATE["layer2.0.conv1.weight"] * float("nan")}
    save("not_a_number.pth", broken, refused="NaN or infinite")
    lacking = {name: value for name, value in STATE.items() if name != "layer2.0.conv2.weight"}
    save("missing_layer.pth", lacking, refused="no tensor `layer2.0.conv2.weight`")
    integers = {**STATE, "conv1.weight": STATE["conv1.weight"].to(torch.int32)}
    save("integers.pth", integers, refused="instead of floating-point numbers")
    whole = io.BytesIO()
    torch.save(STATE, whole)
    row("truncated.pth", refused="damaged").write_bytes(whole.getvalue()[:9000])


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for part in [plain, checkpoints, wrappers, lightning, sharded, keras_files, refused]:
        part()
    with open(FOLDER / "table.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["file", "key", "prefix", "refused"], *TABLE])
    pixels = torch.arange(3 * 17 * 19, dtype=torch.float64).reshape(1, 3, 17, 19)
    pixels = ((pixels * 37) % 101 / 50 - 1).float()
    with torch.no_grad():
        numbers = NET.double().features(pixels.double())[0]
    (FOLDER / "reference.csv").write_text("".join(f"{value:.9}\n" for value in numbers.tolist()))
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    print(len(TABLE), "kinds,", size, "bytes")


if __name__ == "__main__":
    main()
