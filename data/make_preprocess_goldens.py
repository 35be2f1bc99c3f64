"""Makes goldens/preprocess/cases.json: pictures resized and cropped by torchvision and Pillow.

Needs pillow 13.0.0, torchvision 0.29.2 and numpy 2.4.6. Run it in this folder:

    python3 make_preprocess_goldens.py

The pictures are painted by a formula of whole numbers, which the Rust test repeats exactly.
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from torchvision.transforms import CenterCrop, InterpolationMode, Resize

CASES = [  # width, height, resize, crop, interpolation
    (97, 61, 24, 20, "bicubic"),
    (97, 61, 24, 20, "bilinear"),
    (97, 61, 24, 20, "lanczos"),
    (97, 61, 24, 20, "nearest"),
    (61, 97, 25, 20, "bicubic"),
    (40, 301, 16, 15, "bicubic"),
    (13, 11, 33, 28, "bicubic"),
    (13, 11, 33, 28, "lanczos"),
    (13, 11, 33, 28, "bilinear"),
    (13, 11, 33, 28, "nearest"),
    (50, 37, (19, 31), None, "bicubic"),
    (50, 37, (19, 31), (12, 27), "bilinear"),
    (64, 29, 20, None, "lanczos"),
    (33, 30, None, (17, 20), "bicubic"),
    (1, 700, 12, 11, "bicubic"),
    (239, 224, 7, None, "bicubic"),
]


def paint(width, height):
    """Stripes, checks and gradients: edges for the filters, and nothing symmetrical."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    checks = (x // 9 + y // 7) % 2
    stripes = (x * 7 + y * 3 * (c + 1)) % 256
    waves = (x * y + 31 * c + x * x) % 256
    return np.where(checks == 1, stripes, waves).astype(np.uint8)


def text(size):
    if size is None:
        return "none"
    return str(size) if isinstance(size, int) else "x".join(map(str, size))


def main():
    cases = []
    for width, height, resize, crop, interpolation in CASES:
        picture = Image.fromarray(paint(width, height))
        if resize is not None:
            picture = Resize(resize, InterpolationMode(interpolation))(picture)
        if crop is not None:
            picture = CenterCrop(crop)(picture)
        cases.append(
            {
                "width": width,
                "height": height,
                "preprocess": f"resize={text(resize)},crop={text(crop)},interpolation={interpolation}",
                "out_height": picture.height,
                "out_width": picture.width,
                "rgb": np.asarray(picture).tobytes().hex(),
            }
        )
    lines = ",\n".join(json.dumps(case) for case in cases)
    Path("goldens/preprocess/cases.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
