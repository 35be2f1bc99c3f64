"""The picture that every file of these folders shows, and how its reference is written.

Two shades and a few shapes, different in every corner, so that whatever is turned, shifted or left out
shows.
"""

import csv
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 49, 35


def scene(width=WIDTH, height=HEIGHT, seed=1):
    """A painted picture, RGB."""
    random = np.random.RandomState(seed)
    y, x = np.mgrid[0:height, 0:width]
    shade = np.dstack([60 + 150 * x / width, 80 + 100 * y / height, 180 - 120 * (x + y) / (width + height)])
    picture = Image.fromarray(shade.astype("uint8"))
    draw = ImageDraw.Draw(picture)
    for _ in range(8):
        cx, cy, half = random.randint(0, width), random.randint(0, height), random.randint(3, width // 5)
        shape = draw.ellipse if random.rand() < 0.5 else draw.rectangle
        colour = tuple(int(value) for value in random.randint(0, 255, 3))
        shape([cx - half, cy - half, cx + half, cy + half], fill=colour)
    return picture


def ramp(width=WIDTH, height=HEIGHT):
    """An alpha from nothing at the left to everything at the right."""
    return np.tile(np.linspace(0, 255, width).round().astype("uint8"), (height, 1))


def over_white(colours, alpha):
    """What is seen of `colours`, straight, over white."""
    alpha = alpha.astype(int)[..., None]
    return ((colours.astype(int) * alpha + 255 * (255 - alpha) + 127) // 255).astype("uint8")


class Folder:
    """A folder of files with their references, and the table that says what each of them is."""

    def __init__(self, name):
        self.path = Path(__file__).parent / name
        self.path.mkdir(exist_ok=True)
        for old in self.path.iterdir():
            old.unlink()
        self.rows = []

    def file(self, name):
        return self.path / name

    def add(self, name, feature, reference=None, tolerance=3, refused="", data=None):
        """Says what a file is; `reference` is an array or picture, none where it must be skipped."""
        if data is not None:
            self.file(name).write_bytes(data)
        assert self.file(name).stat().st_size <= 8192, (name, self.file(name).stat().st_size)
        if reference is not None:
            if isinstance(reference, np.ndarray):
                reference = Image.fromarray(reference.round().astype("uint8"))
            reference.convert("RGB").save(self.path / f"{name}.ref.png", optimize=True)
        self.rows.append((name, feature, tolerance, refused))

    def write_table(self):
        with open(self.path / "table.csv", "w", newline="") as table:
            rows = [("file", "feature", "tolerance", "refused"), *self.rows]
            csv.writer(table, lineterminator="\n").writerows(rows)
