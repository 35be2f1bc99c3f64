"""Photo files to descriptors: `imgsearch index` beside pipelines that one would write in Python.

    python pipeline.py FOLDER PHOTOS [--rounds 3] [--threads 2] [--network efficientnet_lite0]

FOLDER is what export.py made, PHOTOS a folder of JPEGs. Each pipeline is a process of its own, they
take turns, and the files are read once before so that all find them in memory. The Python ones are
timed from the first file to the last descriptor, when everything is imported and loaded; imgsearch
as a whole process, with start and storing. Memory is the largest sum over a pipeline's processes of
their proportional share (PSS). `rclip` is not among them: it fetches its weights when it starts,
which cannot be done where this was written.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESIZE, CROP = 256, 224
TITLES = {
    "imgsearch": "imgsearch index",
    "pillow": "PyTorch, DataLoader, Pillow",
    "draft": "the same with Pillow's draft",
    "opencv": "ONNX Runtime, OpenCV",
    "reduced": "the same with OpenCV's IMREAD_REDUCED",
}


def scale_of(name):
    """Mean and standard deviation of the network's pixels."""
    import numpy as np

    if name == "efficientnet_lite0":
        return np.float32([0.5] * 3), np.float32([0.5] * 3)
    return np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


def normalized(values, name):
    """`[224, 224, 3]` bytes to `[3, 224, 224]` numbers."""
    import numpy as np

    mean, std = scale_of(name)
    return ((values.astype(np.float32) / 255 - mean) / std).transpose(2, 0, 1)


class PillowPhotos:
    """A data set as torch's DataLoader takes it."""

    def __init__(self, paths, network, draft):
        self.paths, self.network, self.draft = paths, network, draft

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        import numpy as np
        from PIL import Image, ImageOps

        with Image.open(self.paths[index]) as image:
            if self.draft:
                # Decodes at the smallest size that is no smaller than asked for.
                image.draft("RGB", (2 * RESIZE, 2 * RESIZE))
            image = ImageOps.exif_transpose(image.convert("RGB"))
            scale = RESIZE / min(image.size)
            size = [max(RESIZE, round(side * scale)) for side in image.size]
            image = image.resize(size, Image.Resampling.BICUBIC)
            left, top = ((side - CROP) // 2 for side in size)
            image = image.crop((left, top, left + CROP, top + CROP))
            return normalized(np.asarray(image), self.network)


def by_pytorch(paths, given, draft):
    import torch
    from torch.utils.data import DataLoader

    from networks import described

    torch.set_num_threads(given.threads)
    net = described(given.network, given.folder / given.network / "weights.safetensors")
    net = net.to(memory_format=torch.channels_last)
    photos = PillowPhotos(paths, given.network, draft)

    def describe():
        count = 0
        loader = DataLoader(photos, batch_size=8, num_workers=given.threads)
        with torch.inference_mode():
            for batch in loader:
                x = batch.to(memory_format=torch.channels_last)
                count += len(torch.nn.functional.normalize(net(x)))
        return count

    return describe


def by_opencv(paths, given, reduced):
    """Decoding on threads (OpenCV lets go of Python's lock), the network one by one beside it."""
    from concurrent.futures import ThreadPoolExecutor

    import cv2
    import numpy as np
    import onnxruntime

    cv2.setNumThreads(1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = given.threads
    session = onnxruntime.InferenceSession(
        str(given.folder / given.network / "network.onnx"),
        options,
        providers=["CPUExecutionProvider"],
    )

    def flag(path):
        if not reduced:
            return cv2.IMREAD_COLOR
        from PIL import Image

        with Image.open(path) as image:  # Reads the header alone.
            side = min(image.size)
        for factor in (8, 4, 2):
            if side >= 2 * RESIZE * factor:
                return getattr(cv2, f"IMREAD_REDUCED_COLOR_{factor}")
        return cv2.IMREAD_COLOR

    def pixels(path):
        image = cv2.imread(str(path), flag(path))
        scale = RESIZE / min(image.shape[:2])
        height, width = (max(RESIZE, round(side * scale)) for side in image.shape[:2])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        top, left = (height - CROP) // 2, (width - CROP) // 2
        image = cv2.cvtColor(image[top : top + CROP, left : left + CROP], cv2.COLOR_BGR2RGB)
        return normalized(image, given.network)[None]

    def describe():
        count = 0
        with ThreadPoolExecutor(given.threads) as pool:
            for x in pool.map(pixels, paths):
                descriptor = session.run(None, {"pixels": np.ascontiguousarray(x)})[0]
                count += len(descriptor / np.linalg.norm(descriptor))
        return count

    return describe


def work(given):
    """Runs one pipeline in this process."""
    paths = photos_in(given.photos)
    describe = {
        "pillow": lambda: by_pytorch(paths, given, draft=False),
        "draft": lambda: by_pytorch(paths, given, draft=True),
        "opencv": lambda: by_opencv(paths, given, reduced=False),
        "reduced": lambda: by_opencv(paths, given, reduced=True),
    }[given.only]()
    start = time.perf_counter()
    count = describe()
    print(json.dumps({"photos": count, "seconds": time.perf_counter() - start}))


def photos_in(folder):
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))


def family(pid):
    """A process and all that it started."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    for child in children:
        yield from family(int(child))


def memory(pid):
    """Proportional share of a process and its children, in bytes; 0 where Linux does not tell."""
    total = 0
    for member in family(pid):
        try:
            lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1024


def watched(command, environment):
    """What a command prints, its time, and its peak memory."""
    start, peak = time.perf_counter(), 0
    process = subprocess.Popen(
        [str(part) for part in command], env=environment, stdout=subprocess.PIPE, text=True
    )
    said = []
    reader = threading.Thread(target=lambda: said.append(process.stdout.read()))
    reader.start()
    while process.poll() is None:
        peak = max(peak, memory(process.pid))
        time.sleep(0.05)
    seconds = time.perf_counter() - start
    reader.join()
    if process.returncode:
        raise SystemExit(f"{command[0]} failed with {process.returncode}")
    return said[0], seconds, peak


def turn(name, given):
    """One run of a pipeline: photos a second and peak memory."""
    threads = str(given.threads)
    environment = os.environ | {"OMP_NUM_THREADS": threads, "RAYON_NUM_THREADS": threads}
    if name != "imgsearch":
        command = [sys.executable, *sys.argv, "--only", name]
        said, _, peak = watched(command, environment)
        answer = json.loads(said.splitlines()[-1])
        return answer["photos"] / answer["seconds"], peak
    gallery = Path(tempfile.mkdtemp())
    command = [given.program, "index", given.photos, "--gallery", gallery / "gallery"]
    command += ["--spec", given.network, "--weights"]
    command += [given.folder / given.network / "weights.safetensors"]
    try:
        _, seconds, peak = watched(command, environment)
    finally:
        shutil.rmtree(gallery)
    return len(photos_in(given.photos)) / seconds, peak


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="what export.py made")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--network", default="efficientnet_lite0")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--program", default=ROOT / "target" / "release" / "imgsearch")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    given = arguments()
    if given.only:
        return work(given)
    for path in photos_in(given.photos):
        path.read_bytes()
    rates, peaks = {name: [] for name in TITLES}, dict.fromkeys(TITLES, 0)
    for _ in range(given.rounds):
        for name in TITLES:
            rate, peak = turn(name, given)
            rates[name].append(rate)
            peaks[name] = max(peaks[name], peak)
    print("| pipeline | photos/s | imgsearch is | peak memory |\n|---|--:|--:|--:|")
    for name, title in TITLES.items():
        ratio = statistics.median(o / t for o, t in zip(rates["imgsearch"], rates[name]))
        rate = statistics.median(rates[name])
        print(f"| {title} | {rate:.1f} | {ratio:.2f}× | {peaks[name] / 2**20:.0f} MiB |")


if __name__ == "__main__":
    main()
