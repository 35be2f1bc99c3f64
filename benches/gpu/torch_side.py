"""The same networks in PyTorch, timed as `gpu throughput` times ours, in lines of the same form.

    python3 torch_side.py --device cuda --precision f32,f16 [--compile] [--quick]

From bytes `[N, H, W, 3]` on the host to descriptors of length 1 on the host: torchvision's and timm's
modules, channels last, weights as they are made, cuDNN's algorithms tried out beforehand, and f32 as
torch has it (convolutions may use TF32). With `--compile` through `torch.compile`, the largest batches
first: each takes up to a minute to be compiled, and whoever calls ends it when time is up.
"""

import argparse
import json
import sys
import time
from itertools import product
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "peers"))
from networks import SIDE, Described, features, whole  # noqa: E402

NETWORKS = ["resnet50", "efficientnet_lite0", "convnext_tiny", "vgg16"]
DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
WARM, PARTED = 3, 5


def arguments():
    def listed(kind):
        return lambda text: [kind(part) for part in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", type=listed(str), default=["f32"])
    parser.add_argument("--networks", type=listed(str))
    parser.add_argument("--batches", type=listed(int))
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    given.networks = given.networks or (NETWORKS[1:2] if given.quick else NETWORKS)
    given.batches = given.batches or ([1, 2] if given.quick else [1, 32, 128])
    given.seconds = given.seconds or (0.2 if given.quick else 1.0)
    return given


def load(name, device, dtype):
    """The network as far as `imgsearch` runs it, with its global average."""
    net = Described(features(name, whole(name))).eval()
    return net.to(device=device, dtype=dtype, memory_format=torch.channels_last)


class Pipeline:
    """Bytes to descriptors, as one call and part by part."""

    def __init__(self, net, device, dtype, batch):
        self.net, self.device, self.dtype = net, device, dtype
        numbers = torch.arange(batch * SIDE * SIDE * 3, dtype=torch.int64) * 89 % 251
        self.bytes = numbers.to(torch.uint8).reshape(batch, SIDE, SIDE, 3)

    def upload(self):
        # With the channels moved to the front the bytes lie channels last already.
        pixels = self.bytes.to(self.device).permute(0, 3, 1, 2)
        return pixels.to(self.dtype) / 64 - 2

    def pool(self, described):
        return torch.nn.functional.normalize(described.float()).cpu()

    def __call__(self):
        return self.pool(self.net(self.upload()))

    def parts(self):
        def wait():
            if self.device.startswith("cuda"):
                torch.cuda.synchronize()
            return time.perf_counter()

        begun = wait()
        pixels = self.upload()
        copied = wait()
        described = self.net(pixels)
        forwarded = wait()
        self.pool(described)
        return copied - begun, forwarded - copied, wait() - forwarded


def measured(pipeline, batch, seconds):
    for _ in range(WARM):
        pipeline()
    times, begun = [], time.perf_counter()
    while not times or time.perf_counter() - begun < seconds:
        call = time.perf_counter()
        pipeline()
        times.append(time.perf_counter() - call)
    times.sort()
    copy, forward, pooling = (
        sorted(part)[PARTED // 2] * 1e3 for part in zip(*(pipeline.parts() for _ in range(PARTED)))
    )
    median = times[len(times) // 2]
    return {
        "calls": len(times),
        "images_per_second": batch / median,
        "median_ms": median * 1e3,
        "best_ms": times[0] * 1e3,
        "copy_ms": copy,
        "forward_ms": forward,
        "pooling_ms": pooling,
    }


def one(given, name, precision, batch, nets):
    line = {
        "measure": "throughput",
        "engine": "torch_compile" if given.compile else "torch",
        "device": given.device,
        "network": name,
        "precision": precision,
        "batch": batch,
    }
    try:
        if (name, precision) not in nets:
            nets.clear()
            nets[name, precision] = load(name, given.device, DTYPES[precision])
        net = nets[name, precision]
        if given.compile:
            begun = time.perf_counter()
            net = torch.compile(net, dynamic=False)
            pipeline = Pipeline(net, given.device, DTYPES[precision], batch)
            pipeline()
            line["compile_seconds"] = time.perf_counter() - begun
        pipeline = Pipeline(net, given.device, DTYPES[precision], batch)
        line |= measured(pipeline, batch, given.seconds)
    except Exception as error:  # Whatever it is, the next may do.
        line["error"] = f"{type(error).__name__}: {str(error)[:300]}"
    print(json.dumps(line), flush=True)


def main():
    given, nets = arguments(), {}
    torch.backends.cudnn.benchmark = True
    cases = list(product(given.networks, given.precision, given.batches))
    if given.compile:
        cases.sort(key=lambda case: -case[2])
    with torch.inference_mode():
        for name, precision, batch in cases:
            one(given, name, precision, batch, nets)


if __name__ == "__main__":
    main()
