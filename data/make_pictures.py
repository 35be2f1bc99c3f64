"""Makes pictures/: small photos in ways of writing that the tests cannot produce themselves.

Needs pillow 13.0.0 and numpy 2.4.6; for the HEIC file also Debian's `heif-enc` (libheif-examples).
Run it in this folder: python3 make_pictures.py

Every picture shows the same scene of 96×64 pixels: left above red, right above green, left below
blue, right below light grey, each a little shaded.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path("pictures")
CORNERS = [[(200, 40, 30), (40, 170, 60)], [(30, 60, 190), (215, 215, 215)]]


def scene():
    y, x = np.mgrid[0:64, 0:96]
    picture = np.zeros((64, 96, 3))
    for row in range(2):
        for column in range(2):
            here = (y // 32 == row) & (x // 48 == column)
            picture[here] = CORNERS[row][column]
    shade = ((x % 48) / 47 * 16 + (y % 32) / 31 * 12)[..., None]
    return Image.fromarray((picture + shade).astype(np.uint8))


def ways_of_sampling(picture):
    """JPEGs that differ in what their blocks stand for, and what libjpeg makes of them at 1/8, 1/4 and 1/2."""
    picture.save(FOLDER / "optimized.jpg", quality=92, subsampling="4:2:0", optimize=True)
    picture.save(FOLDER / "yuv422.jpg", quality=92, subsampling="4:2:2")
    picture.save(FOLDER / "yuv444.jpg", quality=92, subsampling="4:4:4")
    odd = picture.crop((0, 0, 93, 61))
    odd.save(FOLDER / "odd.jpg", quality=92, subsampling="4:2:0")
    odd.save(FOLDER / "odd_progressive.jpg", quality=92, subsampling="4:2:0", progressive=True)
    (FOLDER / "reduced").mkdir(exist_ok=True)
    for name in ["baseline", "grey", "odd", "yuv444"]:
        for denominator in [8, 4, 2]:
            with Image.open(FOLDER / f"{name}.jpg") as reduced:
                width, height = reduced.size
                reduced.draft(None, (width // denominator, height // denominator))
                reduced.save(FOLDER / "reduced" / f"{name}_{8 // denominator}.png", optimize=True)


def main():
    FOLDER.mkdir(exist_ok=True)
    picture = scene()
    picture.save(FOLDER / "scene.png", optimize=True)
    jpeg = {"quality": 92, "subsampling": "4:2:0"}
    picture.save(FOLDER / "baseline.jpg", **jpeg)
    picture.save(FOLDER / "progressive.jpg", progressive=True, **jpeg)
    picture.save(FOLDER / "rgb.jpg", quality=92, keep_rgb=True)
    picture.save(FOLDER / "restarts.jpg", restart_marker_blocks=2, **jpeg)
    picture.convert("L").save(FOLDER / "grey.jpg", quality=92)
    picture.convert("CMYK").save(FOLDER / "cmyk.jpg", quality=92)
    ways_of_sampling(picture)
    picture.quantize(16).save(FOLDER / "palette.png", optimize=True)
    picture.save(FOLDER / "scene.avif", quality=80)
    with tempfile.TemporaryDirectory() as folder:
        png = Path(folder) / "scene.png"
        picture.save(png)
        subprocess.run(["heif-enc", "-q", "80", "-o", FOLDER / "scene.heic", png], check=True)


if __name__ == "__main__":
    main()
