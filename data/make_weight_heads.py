"""Writes the small network of `make_weight_kinds.py` with what people train behind its pooling.

Versions as there; only torch and numpy are used of them.

    python data/make_weight_heads.py

It overwrites data/weights/heads: the files and `table.csv`, whose columns (between semicolons) are `file`, `pooling` and `names` as a
spec has them, `becomes` (the names by which the layers are found again), `refused` (a part of the error message)
and `descriptor`, the numbers that torch makes in double precision.
"""

import collections
import csv
import pathlib
import shutil

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from make_weight_kinds import Network, STATE, PLAIN, under

FOLDER = pathlib.Path(__file__).parent / "weights" / "heads"
TABLE = []
RANDOM = np.random.default_rng(16)
BACKBONE = collections.OrderedDict((name, value) for name, value in STATE.items() if not name.startswith("fc."))


def numbers(*shape, low=-1.0, high=1.0):
    return torch.from_numpy(RANDOM.uniform(low, high, shape).astype("float32"))


def linear(inputs, outputs, bias=True):
    layer = nn.Linear(inputs, outputs, bias=bias)
    layer.load_state_dict({"weight": numbers(outputs, inputs), **({"bias": numbers(outputs)} if bias else {})})
    return layer


def norm(size, affine=True):
    layer = nn.BatchNorm1d(size, affine=affine)
    layer.running_mean.copy_(numbers(size))
    layer.running_var.copy_(numbers(size, low=0.2, high=2.0))
    if affine:
        layer.load_state_dict({"weight": numbers(size, low=0.5, high=2.0)}, strict=False)
        nn.init.zeros_(layer.bias)
    return layer.eval()


def named(**modules):
    state = collections.OrderedDict()
    for name, module in modules.items():
        state.update((f"{name}.{part}", value) for part, value in module.state_dict().items())
    return state


def gap(x):
    return x.mean((2, 3))


def gem(p):
    return lambda x: x.clamp(min=1e-6).pow(p).mean((2, 3)).pow(1 / p)


def features(state):
    net = Network()
    net.load_state_dict(state, strict=False)
    net = net.double().eval()
    pixels = torch.arange(3 * 17 * 19, dtype=torch.float64).reshape(1, 3, 17, 19)
    pixels = ((pixels * 37) % 101 / 50 - 1).float().double()
    with torch.no_grad():
        return net.layer2(net.layer1(net.relu(net.bn1(net.conv1(pixels)))))


MAP = features(STATE)


def row(file, pooling, names, becomes="", refused="", by=None):
    made = ""
    if by is not None:
        with torch.no_grad():
            made = " ".join(f"{value:.9}" for value in F.normalize(by)[0].tolist())
    TABLE.append([file, pooling, names, becomes, refused, made])


def save(file, state):
    # The older format, which aligns nothing, is a third as large.
    torch.save(state, FOLDER / file, _use_new_zipfile_serialization=False)


def copy_detection():
    head = linear(8, 5)
    save("sscd.pth", {**under("backbone.", BACKBONE), **named(**{"embeddings.1": head})})
    made = head.double()(gem(3)(MAP))
    for names in ["embeddings.1", "auto", "embeddings.1.weight/embeddings.1.bias", "embeddings.1.bias/embeddings.1.weight"]:
        row("sscd.pth", "gem", names, "embeddings.1", by=made)
    row("sscd.pth", "gem", "embeddings.1.weight", "embeddings.1.weight", by=made - head.bias)
    row("sscd.pth", "gem", "embedings.1", refused="(is it `embeddings.1`?)")
    row("sscd.pth", "gem", "layer1.0.conv1", refused="is neither a linear layer nor a batch norm")
    row("sscd.pth", "gem", "embeddings.1/embeddings.1", refused="`embeddings.1` is a linear layer 8→5, and 5 values come to it")
    row("sscd.pth", "gem", "embeddings.1.bias", refused="is neither")
    row("sscd.pth", "gem", "bn1", refused="is a batch norm 6→6, and 8 values come to it")


def identification():
    neck, classes = norm(8), linear(8, 7, bias=False)
    save("reid.pth", {"state_dict": under("module.", {**under("base.", BACKBONE), **named(bottleneck=neck, classifier=classes)})})
    made = neck.double()(gap(MAP))
    row("reid.pth", "gap", "auto", "bottleneck", by=made)
    row("reid.pth", "gap", "state_dict.module.bottleneck", "bottleneck", by=made)
    row("reid.pth", "gap", "bottleneck/classifier", "bottleneck/classifier", by=classes.double()(made))


def norms_without_weights():
    neck, fc = norm(8, affine=False), linear(8, 4)
    save("plain_norm.pth", {**under("backbone.", BACKBONE), **named(neck=neck, fc=fc)})
    row("plain_norm.pth", "gap", "neck/fc", "neck/fc", by=fc.double()(neck.double()(gap(MAP))))
    kept = {name: value for name, value in BACKBONE.items() if "running" in name or "bn" not in name}
    kept = {name: value for name, value in kept.items() if name not in ("layer2.0.downsample.1.weight", "layer2.0.downsample.1.bias")}
    plain = dict(STATE)
    for name, value in STATE.items():
        if name not in kept and name.endswith(".weight"):
            plain[name] = torch.ones_like(value)
        elif name not in kept and name.endswith(".bias"):
            plain[name] = torch.zeros_like(value)
    save("plain_backbone.pth", kept)
    row("plain_backbone.pth", "gap", "", by=gap(features(plain)))
    lacking = {name: value for name, value in BACKBONE.items() if name != "bn1.bias"}
    save("half_a_norm.pth", lacking)
    row("half_a_norm.pth", "gap", "", refused="no tensor `bn1.bias`")
    save("no_norm.pth", {name: value for name, value in BACKBONE.items() if not name.startswith("bn1.")})
    row("no_norm.pth", "gap", "", refused="no tensor `bn1.weight`")


def learned_exponent():
    p, whiten = torch.tensor([2.9137]), linear(8, 6)
    save("gem.pth", {"meta": {"p": 3.0}, "state_dict": {**under("features.", BACKBONE), "pool.p": p, **named(whiten=whiten)}})
    made = whiten.double()(gem(p.double())(MAP))
    for exponent in ["gem=pool.p", "gem=auto", "gem2.9137"]:
        row("gem.pth", exponent, "auto", "whiten", by=made)
    row("gem.pth", "gem=pool.q", "", refused="(is it `pool.p`?)")
    row("gem.pth", "gem=whiten.bias", "", refused="not one number in 0 … 100: shape [6]")
    row("sscd.pth", "gem=auto", "", refused="not one number")
    save("wrong_gem.pth", {**BACKBONE, "a.p": torch.tensor(-1.0), "b.p": torch.tensor([float("nan")]), "c.p": torch.tensor(3)})
    row("wrong_gem.pth", "gem=a.p", "", refused="not one number in 0 … 100")
    row("wrong_gem.pth", "gem=b.p", "", refused="NaN or infinite")
    row("wrong_gem.pth", "gem=c.p", "", refused="instead of floating-point numbers")


def shapes_and_wrappers():
    conv = linear(8, 4)
    state = named(proj=conv)
    save("one_by_one.pth", {**BACKBONE, "proj.weight": state["proj.weight"].reshape(4, 8, 1, 1), "proj.bias": state["proj.bias"]})
    row("one_by_one.pth", "gap", "auto", "proj", by=conv.double()(gap(MAP)))
    save("parameters.pth", {**BACKBONE, "proj_w": state["proj.weight"], "proj_b": state["proj.bias"]})
    row("parameters.pth", "gap", "proj_w/proj_b", "proj_w/proj_b", by=conv(gap(MAP)))
    fc = linear(8, 3)
    save("fc_replaced.pth", {**BACKBONE, **named(fc=fc)})
    row("fc_replaced.pth", "gap", "auto", "fc", by=fc.double()(gap(MAP)))
    ema, plain = linear(8, 3), linear(8, 3)
    save("ema.pth", {"state_dict": {**under("net.", PLAIN), **named(embedding=plain)},
                     "state_dict_ema": {**under("net.", STATE), **named(embedding=ema)}})
    row("ema.pth", "max", "auto", "embedding", by=ema.double()(MAP.amax((2, 3))))
    row("ema.pth", "max", "embedding", "embedding", by=ema(MAP.amax((2, 3))))
    first, then = linear(8, 6), norm(6)
    save("chain.pth", {**under("backbone.", BACKBONE), **named(**{"embed.0": first, "embed.1": then})})
    row("chain.pth", "gap", "auto", "embed.0/embed.1", by=then.double()(first.double()(gap(MAP))))
    save("mlp.pth", {**under("backbone.", BACKBONE), **named(**{"projector.0": first, "projector.1": then, "projector.3": linear(6, 4)})})
    row("mlp.pth", "gap", "auto", refused="what fits: `projector.0`")
    save("two.pth", {**under("backbone.", BACKBONE), **named(embed_a=linear(8, 3), embed_b=linear(8, 3))})
    row("two.pth", "gap", "auto", refused="what fits: `embed_a`, `embed_b`")
    row("no_norm.pth", "gap", "auto", refused="no one projection of 8 values")
    broken = named(a=linear(8, 3), b=linear(8, 3))
    broken["a.weight"][1, 2] = float("nan")
    broken["b.weight"] = broken["b.weight"].to(torch.int32)
    save("broken.pth", {**BACKBONE, **broken})
    row("broken.pth", "gap", "a", refused="NaN or infinite")
    row("broken.pth", "gap", "b", refused="instead of floating-point numbers")


    save("nothing_comes_out.pth", {**BACKBONE, "fc.weight": torch.ones(0, 8)})
    row("nothing_comes_out.pth", "gap", "fc", refused="is neither")


def of_the_classifier():
    made = F.linear(gap(MAP), STATE["fc.weight"].double(), STATE["fc.bias"].double())
    for kind in ["keras.keras", "keras.weights.h5", "keras_whole.h5", "keras_legacy.h5", "averaged_model.pth", "sharded"]:
        row(f"../kinds/{kind}", "gap", "fc", "fc", by=made)


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for part in [copy_detection, identification, norms_without_weights, learned_exponent, shapes_and_wrappers, of_the_classifier]:
        part()
    with open(FOLDER / "table.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", delimiter=";")
        writer.writerows([["file", "pooling", "names", "becomes", "refused", "descriptor"], *TABLE])
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    print(len(TABLE), "rows,", size, "bytes")


main()
