"""imgsearch's rankings beside plain NumPy with the formulas of the papers: what `query --ranking` tells, held to 1e-4.

    python rankings.py PHOTOS QUERIES [--binary imgsearch] [--asked 20]

PHOTOS is indexed into a gallery of its own; the descriptors come from `imgsearch extract` of the same binary,
so both begin with the same numbers. Each of some pictures of QUERIES, which are not in the gallery, is asked
with under every ranking of RANKINGS, exactly (`--exact`) and as usual. Told are the greatest difference of
scores, the share of scores within 1e-4, and how many of NumPy's first ten the usual query has.

A neighbour that two photos compete for by less than a gallery's numbers tell (2e-5 of a similarity) may be
another one here and there, and then the scores of k-reciprocal re-ranking move: those are counted, not hidden.
Needs numpy. `python rankings.py --goldens > data/goldens/rankings.json` writes what the tests hold the rankings to.

Words
  X [n, d]   the gallery: unit rows (float64 here).   q [d]: the query, unit.
  own        the query's row in the gallery, or None. It is in no list, no set, no mean of similarities, no sum: what is
             answered is what a gallery without it would answer. (Only the gallery's mean of `centre` and a
             projection's fit keep it: they are of the gallery, made before anyone asks.)
  list(i)    the photos nearest to photo i by cosine of the (centred) descriptors, i itself and `own` left out, best
             first, ties by row. A gallery keeps the first L; one that is asked for its photo `own` passes over it, so
             L is one more than the longest use: max(augment, csls, k1, k2 − 1) + 1.
  A list, a neighbourhood or a head shorter than asked for (small gallery) is taken as it is: nothing is padded.

Order, each step from what the one before left:
  centre → plain similarity s0 → augment s1 → expand s1' → csls s2 → k-reciprocal s3 → keep-first.
  Ties of the final order: by the similarity before k-reciprocal and keep-first (s2), then by row.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ALPHA = 3.0

def unit(x):
    x = np.asarray(x, np.float64)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)

def best(similarity, k, without=()):
    """The k greatest, ties by row."""
    s = np.array(similarity, np.float64); s[list(without)] = -np.inf
    order = np.argsort(-s, kind="stable")
    return order[np.isfinite(s[order])][:k]

def centre(X, q, c):
    """unit(x − c·m), m the mean of the gallery's rows (all of them, `own` too). Query and gallery alike.
    Without touching the rows: s' = (s − c·q·m − c·x·m + c²·m·m) / (|q − c·m| |x − c·m|), |x − c·m|² = 1 − 2c·x·m + c²·m·m."""
    m = X.mean(0)
    return unit(X - c * m), unit(q - c * m)

def weights(similarities, alpha=ALPHA):
    """similarity^α, 0 where it is not above 0: Radenović et al. 2018."""
    s = np.asarray(similarities, np.float64)
    return np.where(s > 0, np.abs(s) ** alpha, 0.0)

class Lists:
    """Neighbour lists of a gallery, the query's own row left out."""
    def __init__(self, X, own):
        self.X, self.S, self.own = X, X @ X.T, own
        self.order = []
        for i in range(len(X)):
            self.order.append(best(self.S[i], len(X), [i] + ([] if own is None else [own])))
    def of(self, i, k):
        return self.order[i][:k]

def augment(lists, s0, n, alpha=ALPHA):
    """s1_i = (s0_i + Σ_j w_j s0_j) / |x_i + Σ_j w_j x_j| over j in list(i)[:n], w_j = weights(s_ij)."""
    s1 = np.empty_like(s0)
    for i in range(len(s0)):
        near = lists.of(i, n)
        w = weights(lists.S[i, near], alpha)
        s1[i] = (s0[i] + w @ s0[near]) / np.linalg.norm(lists.X[i] + w @ lists.X[near])
    return s1

def expand(lists, q, s, n, alpha=ALPHA):
    """q' = unit(q + Σ_j w_j x_j) over the n best by s (what augment left, or plain), w_j = weights(s_j); x_j the (centred)
    descriptor as it is. The new query is then compared, and augmented, as the first was."""
    near = best(s, n, [] if lists.own is None else [lists.own])
    return unit(q + weights(s[near], alpha) @ lists.X[near])

def csls(lists, s, k):
    """s2_i = 2·s_i − r_i, r_i the mean similarity of photo i to list(i)[:k] (Conneau et al. 2018; the query's own
    mean, the same for all, left away). r_i is of the (centred) descriptors as they are. Not a cosine any more."""
    r = np.array([lists.S[i, lists.of(i, k)].mean() if len(lists.of(i, k)) else 0.0 for i in range(len(s))])
    return 2 * s - r

def half(k1):
    """k1 / 2 rounded up: 5 → 3, 10 → 5."""
    return (k1 + 1) // 2

def mutual(lists, p, k):
    """R(p, k): those of list(p)[:k] in whose list[:k] p is. p is not in it."""
    return [g for g in lists.of(p, k) if p in lists.of(g, k)]

def mutual_of_query(lists, s0, k, own):
    """R(q, k): of the k best of the query those g that would have it among their k nearest: whose list is shorter than k,
    or s0_g > the similarity of list(g)[k−1]; where equal: the query comes after (a new photo has the last row)."""
    out = []
    for g in best(s0, k, [] if own is None else [own]):
        near = lists.of(g, k)
        if len(near) < k or s0[g] > lists.S[g, near[-1]]:
            out.append(g)
    return out

def robust(lists, first, p, k1):
    """R*(p, k1): `first` = R(p, k1) ∪ {p}; joined by R(g, half) ∪ {g} of each g in R(p, k1) of which more than two thirds
    are in `first` (Zhong et al., eq. 5, as their program has it: >). Each g against `first`, not against what has grown."""
    inside, out = set(first) | ({p} if p is not None else set()), list(first)
    for g in first:
        more = [g] + mutual(lists, g, half(k1))
        if 3 * len(inside.intersection(more)) > 2 * len(more):
            out += [x for x in more if x not in out and x != p]
    return out

def encode(members, similarities):
    """exp(−(1 − s)) of each member, divided by their sum. {photo: weight}"""
    w = {g: float(np.exp(-(1.0 - s))) for g, s in zip(members, similarities)}
    total = sum(w.values())
    return {g: x / total for g, x in w.items()} if total > 0 else {}

def mean_of(vectors):
    out = {}
    for v in vectors:
        for g, x in v.items():
            out[g] = out.get(g, 0.0) + x / len(vectors)
    return out

def vector_of_photo(lists, p, k1):
    """V_p: p itself (similarity 1) and R*(p, k1)."""
    members = [p] + robust(lists, mutual(lists, p, k1), p, k1)
    return encode(members, [1.0] + [lists.S[p, g] for g in members[1:]])

def vector_of_query(lists, s0, k1, own):
    """V_q: R*(q, k1); no place for the query itself, since no photo could have it."""
    members = robust(lists, mutual_of_query(lists, s0, k1, own), None, k1)
    return encode(members, s0[members])

def k_reciprocal(lists, s0, s2, k1, k2, lam, candidates=None):
    """s3_i = −((1 − λ)·dJ(q, i) + λ·(1 − s2_i)).  Zhong et al., "Re-ranking Person Re-identification with
    k-reciprocal Encoding", 2017.

    Sets and encodings are of the plain (centred, expanded) similarities s0 and the lists; only the distance that is
    weighted λ is what augment and csls left. Local expansion: V_i ← mean of V_i and of V of list(i)[:k2−1]; V_q ← mean
    of V_q and of V of the query's k2−1 best by s0.  dJ = 1 − Σ min / (2 − Σ min).
    candidates: only these (the best C by s2) are re-ranked; all others keep behind them in the order of s2.
    """
    own = lists.own
    without = [] if own is None else [own]
    known = {}
    def V(p):
        if p not in known: known[p] = vector_of_photo(lists, p, k1)
        return known[p]
    vq = mean_of([vector_of_query(lists, s0, k1, own)] + [V(g) for g in best(s0, k2 - 1, without)])
    chosen = best(s2, len(s2) if candidates is None else candidates, without)
    s3 = s2 - 1e6
    for i in chosen:
        vi = mean_of([V(i)] + [V(g) for g in lists.of(i, k2 - 1)])
        overlap = sum(min(x, vq[g]) for g, x in vi.items() if g in vq)
        s3[i] = -((1 - lam) * (1 - overlap / (2 - overlap)) + lam * (1 - s2[i]))
    return s3

def rank(X, q, own=None, centre_=None, augment_=None, expand_=None, csls_=None, k_reciprocal_=None, keep_first=0,
         alpha=ALPHA, candidates=None):
    """(order, score) of all photos but own. score: s3 (or s2 where there is no k-reciprocal)."""
    X, q = unit(X), unit(q)
    if centre_: X, q = centre(X, q, centre_)
    lists = Lists(X, own)
    similar = lambda q: X @ q
    raised = lambda s: augment(lists, s, augment_, alpha) if augment_ else s
    s0 = similar(q); s1 = raised(s0)
    if expand_:
        q = expand(lists, q, s1, expand_, alpha)
        s0 = similar(q); s1 = raised(s0)
    s2 = csls(lists, s1, csls_) if csls_ else s1
    s3 = k_reciprocal(lists, s0, s2, *k_reciprocal_, candidates) if k_reciprocal_ else s2
    rows = np.arange(len(X))
    order = np.lexsort((rows, -s2, -s3))
    head = best(s2, keep_first, [] if own is None else [own])          # keep-first: the first of s2 stay the first
    order = np.concatenate([head, order[~np.isin(order, head)]])
    return order[order != own].astype(int) if own is not None else order.astype(int), s3


RANKINGS = {
    "augment=3": dict(augment_=3),
    "augment=5^1": dict(augment_=5, alpha=1.0),
    "expand=5": dict(expand_=5),
    "centre=0.5": dict(centre_=0.5),
    "centre=1,augment=3,expand=3": dict(centre_=1.0, augment_=3, expand_=3),
    "csls=10": dict(csls_=10),
    "augment=3,csls=5": dict(augment_=3, csls_=5),
    "k-reciprocal(10,3,0.3)": dict(k_reciprocal_=(10, 3, 0.3)),
    "k-reciprocal(20,6,0.3),keep-first=1": dict(k_reciprocal_=(20, 6, 0.3), keep_first=1),
    "centre=0.5,augment=3,k-reciprocal(20,6,0.3)": dict(centre_=0.5, augment_=3, k_reciprocal_=(20, 6, 0.3)),
}


def goldens():
    """What `data/goldens/rankings.json` has: a small gallery, and scores of all but the query's own row by each ranking."""
    random = np.random.default_rng(5)
    centres = random.normal(size=(9, 12))
    X = unit(np.repeat(centres, 7, 0) + 0.6 * random.normal(size=(63, 12)) + 0.4)
    X = X.astype(np.float32)
    asked = {"own": (None, 20), "other": (unit(centres[3] + 0.5 * random.normal(size=12)).astype(np.float32), None)}
    cases = []
    for text, parameters in RANKINGS.items():
        for q, own in asked.values():
            order, score = rank(X, X[own] if q is None else q, own=own, **parameters)
            if "k_reciprocal_" in parameters:
                score = score + 1.0
            scores = [None if i == own else round(float(value), 7) for i, value in enumerate(score)]
            first = [int(i) for i in order[:10]]
            cases.append({"ranking": text, "own": own, "scores": scores, "first": first})
    other = [float(value) for value in asked["other"][0]]
    rows = [[float(value) for value in row] for row in X]
    return {"rows": rows, "query": other, "cases": cases}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    if "--goldens" in sys.argv:
        print(json.dumps(goldens()))
        return
    parser.add_argument("photos", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("--binary", default="imgsearch")
    parser.add_argument("--asked", type=int, default=20)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        def run(*arguments):
            return subprocess.run([args.binary, *map(str, arguments)], check=True, capture_output=True).stdout
        gallery = Path(folder, "gallery")
        pictures = sorted(path for path in args.queries.rglob("*") if path.suffix.lower() in (".jpg", ".png"))
        pictures = pictures[:: max(1, len(pictures) // args.asked)][: args.asked]
        run("index", args.photos, "--gallery", gallery, "--json")
        photos = [path for path in sorted(args.photos.rglob("*")) if path.suffix.lower() in (".jpg", ".png")]
        rows = described(run, Path(folder, "rows.jsonl"), photos)
        asked = described(run, Path(folder, "asked.jsonl"), pictures)
        paths = list(rows)
        X = np.array([rows[path] for path in paths])
        print(f"{len(paths)} photos, {len(asked)} queries")
        for text, parameters in RANKINGS.items():
            run("index", args.photos, "--gallery", gallery, "--ranking", text, "--json")
            compare(run, gallery, text, parameters, paths, X, asked)


def described(run, file, pictures):
    run("extract", *pictures, "--format", "jsonl", "--out", file)
    lines = map(json.loads, file.read_text().splitlines())
    return {line["absolute"]: np.array(line["descriptor"], np.float64) for line in lines if "descriptor" in line}


def compare(run, gallery, text, parameters, paths, X, asked):
    worst, within, first = 0.0, [], []
    for path, q in asked.items():
        order, score = rank(X, q, **parameters)
        if "k_reciprocal_" in parameters:
            score = score + 1.0
        ask = ("query", path, "--gallery", gallery, "--json", "-k")
        exact = matches(run(*ask, len(paths), "--exact"))
        usual = matches(run(*ask, 10))
        difference = np.array([abs(exact[name] - score[i]) for i, name in enumerate(paths) if name in exact])
        kept = parameters.get("keep_first", 0)
        if kept:
            head = {paths[i] for i in order[:kept]}
            difference = np.array([abs(exact[name] - score[i]) for i, name in enumerate(paths)
                                   if name in exact and name not in head])
        worst = max(worst, difference.max())
        within.append((difference < 1e-4).mean())
        first.append(len({paths[i] for i in order[:10]} & set(usual)) / min(10, len(paths)))
    print(f"{text:48} worst {worst:.1e}, within 1e-4: {np.mean(within):.5f}, first ten: {np.mean(first):.3f}", flush=True)


def matches(output):
    return {one["absolute"]: one["similarity"] for one in json.loads(output)["matches"]}


if __name__ == "__main__":
    main()
