"""Makes goldens/whitening/cases.json: what scikit-learn's PCA(whiten=True) makes of small descriptors.

Needs scikit-learn 1.9.1 and numpy 2.4.6. Run it in this folder:

    python3 make_whitening_goldens.py

More descriptors than values, fewer, and as many; the last case draws all of them out along two axes.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA

CASES = [(40, 12, 8), (10, 24, 7), (16, 16, 15), (60, 10, 10)]  # descriptors, values, kept


def descriptors(count, dimension, drawn_out):
    chance = np.random.default_rng(count)
    values = chance.gamma(0.7, size=(count, dimension)) + 0.3
    if drawn_out:
        values[:, :2] *= 20
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def numbers(values):
    return [float(value) for value in np.asarray(values, np.float64).ravel()]


def case(count, dimension, keep):
    rows = descriptors(count, dimension, (count, dimension, keep) == CASES[-1])
    pca = PCA(n_components=keep, whiten=True, svd_solver="full").fit(rows.astype(np.float64))
    whitened = pca.transform(rows.astype(np.float64))
    return {
        "dimension": dimension,
        "keep": keep,
        "rows": numbers(rows),
        "mean": numbers(pca.mean_),
        "components": numbers(pca.components_),
        "variances": numbers(pca.explained_variance_),
        "whitened": numbers(whitened),
        "normalized": numbers(whitened / np.linalg.norm(whitened, axis=1, keepdims=True)),
    }


here = Path(__file__).parent / "goldens" / "whitening"
here.mkdir(parents=True, exist_ok=True)
cases = [case(*sizes) for sizes in CASES]
rounded = json.loads(json.dumps(cases), parse_float=lambda text: float(f"{float(text):.10g}"))
(here / "cases.json").write_text(json.dumps(rounded) + "\n")
