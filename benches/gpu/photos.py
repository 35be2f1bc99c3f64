"""JPEGs to index, where there are none: a few made-up pictures in many crops.

    python3 photos.py FOLDER [--quick]

FOLDER/large gets 2,000 of 12 megapixels (4000 × 3000, some 3 MB each), FOLDER/small 10,000 of
500 × 375; with `--quick` 12 and 24 of a quarter of the side. On 16 cores it takes half a minute. A
picture has detail at every scale, as a photo has: what its decoding takes depends on that.
"""

import argparse
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

BASES, OCTAVES = 3, 10
LARGE, SMALL = (4000, 3000), (500, 375)


def base(seed, width, height):
    """Noise at every scale with some straight edges, in colour."""
    random = np.random.default_rng(seed)
    values = np.full((height, width, 3), 118, np.int16)
    for octave in range(OCTAVES):
        # Fine noise need not be as large as the picture: it repeats, and no one sees where.
        rows, columns = (min(512, max(2, side >> octave)) for side in (height, width))
        noise = random.normal(size=(rows, columns, 3)).astype(np.float32)
        # Colour changes less than brightness does; what is coarser is stronger.
        noise = noise.mean(2, keepdims=True) * 1.5 + noise * 0.3
        noise = np.clip(noise * 2.4 * 1.45**octave, -100, 100) + 128
        tile = Image.fromarray(noise.clip(0, 255).astype(np.uint8))
        tile = tile.resize((columns << octave, rows << octave), Image.Resampling.BILINEAR)
        tile = np.asarray(tile)
        repeats = (-(-height // tile.shape[0]), -(-width // tile.shape[1]), 1)
        values += np.tile(tile, repeats)[:height, :width]
        values -= 128
    for _ in range(40):
        top, left = random.integers(0, height), random.integers(0, width)
        tall, wide = (
            random.integers(height // 60, height // 5),
            random.integers(width // 60, width // 5),
        )
        values[top : top + tall, left : left + wide] += random.normal(0, 30, 3).astype(np.int16)
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def write(task):
    path, number, (width, height) = task
    picture = BASED[number % len(BASED)]
    random = np.random.default_rng(number)
    left = int(random.integers(0, picture.width - width + 1))
    top = int(random.integers(0, picture.height - height + 1))
    crop = picture.crop((left, top, left + width, top + height))
    crop.save(path, quality=92, subsampling="4:2:0")
    return path.stat().st_size


def main():
    global BASED
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    counts, shrunk = ((12, 24), 4) if given.quick else ((2000, 10000), 1)
    workers = os.cpu_count()
    for name, count, size in zip(("large", "small"), counts, (LARGE, SMALL)):
        begun = time.perf_counter()
        size = tuple(side // shrunk for side in size)
        folder = given.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        # Larger by an eighth, so that there are many crops.
        wider = [side * 9 // 8 for side in size]
        # The workers are forked, and so have the pictures without being sent them.
        with ThreadPoolExecutor(BASES) as pool:
            BASED = list(pool.map(lambda seed: base(seed, *wider), range(BASES)))
        tasks = [(folder / f"{number:05}.jpg", number, size) for number in range(count)]
        with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
            written = sum(pool.map(write, tasks, chunksize=4))
        line = {
            "measure": "photos",
            "folder": name,
            "photos": count,
            "width": size[0],
            "height": size[1],
        }
        line |= {"bytes_each": written // count, "seconds": time.perf_counter() - begun}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
