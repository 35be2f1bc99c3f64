"""The exact ranking of benches/ranking.rs with NumPy: one product, one sort a query.

    python benches/ranking.py [PHOTOS [DIMENSION]]
"""

import sys
import time

import numpy as np

GROUP = 20
photos = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
dimension = int(sys.argv[2]) if len(sys.argv) > 2 else 1280
vectors = np.random.default_rng(1).random((photos, dimension), dtype=np.float32)
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
groups = np.arange(photos) // GROUP
seconds = []
for _ in range(5):
    begun = time.perf_counter()
    precisions = []
    for start in range(0, photos, 256):
        block = np.arange(start, min(start + 256, photos))
        order = np.argsort(-(vectors[block] @ vectors.T), axis=1)
        for query, ranking in zip(block, order):
            ranking = ranking[ranking != query]
            places = np.flatnonzero(groups[ranking] == groups[query])
            precisions.append((np.arange(1, len(places) + 1) / (places + 1)).mean())
    seconds.append(time.perf_counter() - begun)
print(f"{photos} photos x {dimension}: ranked in {np.median(seconds):.2f} s (median of 5)")
