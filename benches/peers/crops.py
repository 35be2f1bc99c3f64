"""Makes many pictures of few photos, and descriptors of them for neighbours.py.

    python crops.py PHOTOS FOLDER [--each 12] [--left-out 240] [--program imgsearch]

Every photo beneath PHOTOS gives so many crops of a random part of it. Those of some photos are left
out of FOLDER/base.npy: half of these are the queries (FOLDER/queries.npy), the other half is for
trying settings out (FOLDER/tuning.npy), so that no setting is measured on what it was chosen by.
The same photos and seed give the same crops. The crops themselves are not kept.
Needs numpy and pillow.
"""

import argparse
import random
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
# Of a crop's area in the photo's, and of its width to its height in the photo's.
AREA, ASPECT = (0.2, 1.0), (0.75, 4 / 3)
# The network's picture is 224 wide after a resize to 256.
SHORT_SIDE = 256
# Crops on the disk at a time, and as many arguments of a command.
AT_ONCE = 2000


def crop(photo, chance):
    """A part of the photo that is no larger than a network needs it."""
    width, height = photo.size
    area, aspect = chance.uniform(*AREA), chance.uniform(*ASPECT)
    wide = min(width, max(16, round(width * (area * aspect) ** 0.5)))
    high = min(height, max(16, round(height * (area / aspect) ** 0.5)))
    left, top = chance.randint(0, width - wide), chance.randint(0, height - high)
    part = photo.crop((left, top, left + wide, top + high))
    scale = min(1.0, SHORT_SIDE / min(wide, high))
    size = (max(1, round(wide * scale)), max(1, round(high * scale)))
    return part.resize(size, Image.Resampling.BICUBIC)


def descriptors(photos, given):
    """One row for each crop, photo after photo."""
    rows = []
    per_call = max(1, AT_ONCE // given.each)
    for start in range(0, len(photos), per_call):
        with tempfile.TemporaryDirectory() as folder:
            names = []
            for number, path in photos[start : start + per_call]:
                chance = random.Random(f"{given.seed} {number}")
                with Image.open(path) as photo:
                    photo = photo.convert("RGB")
                for which in range(given.each):
                    names.append(f"{number}_{which}.jpg")
                    crop(photo, chance).save(Path(folder, names[-1]), quality=92)
            command = [given.program, "extract", "--quiet", "--out", "crops.npy"]
            command += ["--spec", given.spec] if given.spec else []
            subprocess.run([*command, *names], cwd=folder, check=True)
            rows.append(np.load(Path(folder, "crops.npy")))
        print(f"{min(start + per_call, len(photos))} of {len(photos)} photos", end="\r", flush=True)
    return np.concatenate(rows)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="a folder of them, and of folders")
    parser.add_argument("folder", type=Path, help="where the three files go")
    parser.add_argument("--each", type=int, default=12, help="crops of a photo")
    parser.add_argument("--left-out", type=int, default=240, help="photos that are not in the base")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--spec", help="as `imgsearch extract` takes it")
    parser.add_argument("--program", default="imgsearch", help="imgsearch's path")
    return parser.parse_args()


def main():
    given = arguments()
    given.folder.mkdir(parents=True, exist_ok=True)
    if (program := Path(given.program)).is_file():
        given.program = str(program.resolve())
    found = (path for path in given.photos.rglob("*") if path.suffix.lower() in SUFFIXES)
    # The number of a photo is its crops' seed, so it has to be the same on every machine.
    names = sorted(found, key=lambda path: path.relative_to(given.photos).as_posix())
    photos = list(enumerate(names))
    random.Random(given.seed).shuffle(photos)
    if len(photos) <= given.left_out:
        raise SystemExit(f"{len(photos)} photos are too few to leave {given.left_out} out")
    half = given.left_out // 2
    parts = {"queries": photos[:half], "tuning": photos[half : given.left_out]}
    parts["base"] = photos[given.left_out :]
    for name, part in parts.items():
        rows = descriptors(part, given)
        np.save(given.folder / f"{name}.npy", rows)
        print(f"{name}.npy: {len(rows)} rows of {rows.shape[1]}, of {len(part)} photos")


if __name__ == "__main__":
    main()
