"""Folders of JPEGs to descriptors end to end: `imgsearch index`, and the pipeline one would write in
PyTorch, as lines of JSON.

    python3 pipeline.py index  FOLDER... --program P --weights W --device cuda --precision f16
    python3 pipeline.py loader FOLDER... --device cuda --precision f16 --workers 16

`index` is the whole process with its start, the loading of the network, the store and the graph.
`loader` is torch's DataLoader with torchvision's decoder and resize in its workers, batches of 128
as bytes, the network channels last; its imports, the network's loading and a first batch of nothing
are not counted. Files are read once before, so that both find them in memory.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

RESIZE, CROP, BATCH = 256, 224, 128


def photos_in(folder):
    return sorted(path for path in Path(folder).rglob("*") if path.suffix == ".jpg")


def by_index(given, folder):
    gallery = tempfile.mkdtemp()
    command = [given.program, "index", folder, "--gallery", f"{gallery}/gallery", "--json"]
    command += ["--spec", given.network, "--weights", given.weights, "--device", given.device]
    if given.precision != "f32":
        command += ["--precision", given.precision]
    try:
        begun = time.perf_counter()
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        seconds = time.perf_counter() - begun
    finally:
        shutil.rmtree(gallery, ignore_errors=True)
    if done.returncode:
        raise RuntimeError(f"it ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    report = json.loads(done.stdout)
    return report["photos"], seconds


class Photos:
    """A data set as torch's DataLoader takes it."""

    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        from torchvision.io import ImageReadMode, decode_jpeg, read_file
        from torchvision.transforms.v2 import functional

        picture = decode_jpeg(read_file(str(self.paths[index])), ImageReadMode.RGB)
        picture = functional.resize(picture, [RESIZE], antialias=True)
        return functional.center_crop(picture, [CROP, CROP])


def by_loader(given, folder):
    import torch
    from torch.utils.data import DataLoader

    from torch_side import DTYPES, load

    dtype, cuda = DTYPES[given.precision], given.device.startswith("cuda")
    with torch.inference_mode():
        net = load(given.network, given.device, dtype)

        def describe(pixels):
            pixels = pixels.to(given.device, non_blocking=True).contiguous(
                memory_format=torch.channels_last
            )
            return torch.nn.functional.normalize(net(pixels.to(dtype) / 64 - 2).float()).cpu()

        describe(torch.zeros((BATCH if cuda else 1, 3, CROP, CROP), dtype=torch.uint8))
        begun, count = time.perf_counter(), 0
        loader = DataLoader(
            Photos(photos_in(folder)), batch_size=BATCH, num_workers=given.workers, pin_memory=cuda
        )
        for pixels in loader:
            count += len(describe(pixels))
        return count, time.perf_counter() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engine", choices=["index", "loader"])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--program", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--network", default="resnet50")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="f32")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    given = parser.parse_args()
    describe = {"index": by_index, "loader": by_loader}[given.engine]
    for folder in given.folders:
        line = {
            "measure": "index",
            "engine": {"index": "imgsearch", "loader": "torch"}[given.engine],
            "device": given.device,
            "network": given.network,
            "precision": given.precision,
            "folder": folder.name,
            "cores": given.workers,
        }
        try:
            for path in photos_in(folder):
                path.read_bytes()
            count, seconds = describe(given, folder)
            line |= {"photos": count, "seconds": seconds, "photos_per_second": count / seconds}
        except Exception as error:  # Whatever it is, the other folder may do.
            line["error"] = f"{type(error).__name__}: {str(error)[:300]}"
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
