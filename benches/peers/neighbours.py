"""imgsearch's approximate search beside hnswlib's, USearch's and faiss': building, recall, speed.

    python neighbours.py BASE.npy QUERIES.npy [--turns 3] [--only imgsearch usearch]

Rows are f32 unit vectors, as crops.py makes them. Everything is built once and stays in memory;
then come the turns, in each of which every library is asked all queries with one length of the
candidate list after another, in an order that changes from turn to turn. All times are seconds of
CPU: of all threads for building, of the one thread there is for searching, so that what else the
machine does is in neither. A peer is asked query by query and with all queries in one call, and the
faster of both counts; imgsearch is asked query by query, and answers with photos. Rates at a recall
lie between the measured points around it; the median of the turns is told.
Needs numpy, hnswlib, usearch and faiss-cpu.
"""

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import faiss
import hnswlib
import numpy as np
import usearch.index

ROOT = Path(__file__).parents[2]
OURS = "imgsearch"
TARGETS = (0.95, 0.975, 0.99)
EFS = (10, 16, 24, 32, 48, 64, 80, 96, 128, 160, 192, 256, 400, 600, 800)
K = 10
WARMING = 100


def with_hnswlib():
    def build(base):
        index = hnswlib.Index(space="ip", dim=base.shape[1])
        index.init_index(max_elements=len(base), M=16, ef_construction=200)
        index.add_items(base)
        index.set_num_threads(1)

        def search(queries, ef):
            index.set_ef(ef)
            return index.knn_query(queries, K)[0]

        return search

    return build


def with_usearch(numbers):
    def build(base):
        index = usearch.index.Index(
            # Of 8 bits it takes cosines alone; of unit vectors both are one.
            ndim=base.shape[1],
            metric="cos" if numbers == "i8" else "ip",
            dtype=numbers,
            connectivity=16,
            expansion_add=200,
        )
        index.add(np.arange(len(base)), base, threads=os.cpu_count())

        def search(queries, ef):
            index.expansion_search = ef
            return index.search(queries, K, threads=1).keys.reshape(len(queries), -1)

        return search

    return build


def with_faiss(kind, ef_construction):
    def build(base):
        faiss.omp_set_num_threads(os.cpu_count())
        index = faiss.index_factory(base.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
        # A view of the index, which lives no longer than that.
        graph = faiss.downcast_index(index)
        graph.hnsw.efConstruction = ef_construction
        index.train(base)
        index.add(base)
        faiss.omp_set_num_threads(1)

        def search(queries, ef):
            graph.hnsw.efSearch = ef
            return index.search(queries, K)[1]

        return search

    return build


PEERS = {
    "hnswlib f32, M 16, efc 200": with_hnswlib(),
    "usearch f32, M 16, efc 200": with_usearch("f32"),
    "usearch f16, M 16, efc 200": with_usearch("f16"),
    "usearch i8, M 16, efc 200": with_usearch("i8"),
    "faiss HNSW32, efc 40": with_faiss("HNSW32", 40),
    "faiss HNSW32, efc 200": with_faiss("HNSW32", 200),
    "faiss HNSW32 SQ8, efc 40": with_faiss("HNSW32,SQ8", 40),
    "faiss HNSW32 SQ8, efc 200": with_faiss("HNSW32,SQ8", 200),
}
# Whose building imgsearch's is held against.
BUILDERS = ("hnswlib", "usearch", "faiss HNSW32 SQ8")


class Peer:
    """A library with its index of the base."""

    def __init__(self, name, base, queries, truth):
        self.name, self.queries, self.truth = name, queries, truth
        began = time.process_time()
        self.search = PEERS[name](base)
        self.build = time.process_time() - began

    def turn(self):
        """(recall, queries a second) of each candidate list, until longer ones find no more."""
        points = []
        for ef in EFS:
            self.search(self.queries[:WARMING], ef)
            began = time.process_time()
            one_by_one = [self.search(query[None], ef)[0] for query in self.queries]
            between = time.process_time()
            at_once = self.search(self.queries, ef)
            seconds = min(between - began, time.process_time() - between)
            recall = max(self.recall(one_by_one), self.recall(at_once))
            gained = recall - points[-1][0] if points else recall
            points.append((recall, len(self.queries) / seconds))
            if recall >= TARGETS[-1] or gained < 0.0002:
                break
        return points

    def recall(self, found):
        pairs = zip(found, self.truth)
        return sum(len(set(map(int, a)) & set(map(int, b))) for a, b in pairs) / self.truth.size

    def end(self):
        del self.search


class Own:
    """The bench in Rust, a process that waits for its turn."""

    def __init__(self, program, base, queries):
        self.name = OURS
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        command = [program, "--bench", str(base), str(queries), "--turns"]
        self.process = subprocess.Popen(command, text=True, **pipes)
        self.about = self.listen("ready")
        builds = {it["builder"]: it for it in self.about if "publish_cpu_s" in it}
        self.build = builds["own"]["publish_cpu_s"]

    def listen(self, last):
        """Its lines up to that one."""
        lines = []
        for line in self.process.stdout:
            lines.append(json.loads(line))
            if last in lines[-1]:
                return lines[:-1]
        raise SystemExit("benches/neighbours.rs ended")

    def turn(self):
        print(file=self.process.stdin, flush=True)
        return [(it["recall"], it["queries_per_second"]) for it in self.listen("turn")]

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def at(points, target):
    """Queries a second at a recall, between the points around it; not a number if none reach it."""
    best = max((rate for recall, rate in points if recall >= target), default=math.nan)
    for (low, fast), (high, slow) in zip(points, points[1:]):
        if low < target <= high:
            return max(best, fast + (target - low) / (high - low) * (slow - fast))
    return best


def exact(base, queries):
    """The nearest rows of each query."""
    nearest = []
    for start in range(0, len(queries), 100):
        products = queries[start : start + 100] @ base.T
        nearest.append(np.argpartition(-products, K, axis=1)[:, :K])
    return np.concatenate(nearest)


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def program():
    """The bench in Rust, built."""
    command = ["cargo", "bench", "--bench", "neighbours", "--no-run", "--message-format", "json"]
    said = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in said.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "neighbours":
            return message["executable"]
    raise SystemExit("cargo named no program")


def table(builds, rates):
    lines = ["| | build, CPU s | " + " | ".join(f"q/s at {it}" for it in TARGETS) + " |"]
    lines.append("|---" + "|--:" * (1 + len(TARGETS)) + "|")

    def told(rate):
        return "–" if math.isnan(rate) else f"{rate:,.0f}"

    for name, build in builds.items():
        figures = " | ".join(told(rate) for rate in rates[name])
        lines.append(f"| {name} | {build:.1f} | {figures} |")
    peers = [name for name in builds if name != OURS]
    if peers and OURS in builds:
        # Of what reaches the recall at all.
        reached = [[rate for rate in at if rate > 0] for at in zip(*(rates[it] for it in peers))]
        best = [max(rates, default=math.nan) for rates in reached]
        least = min((builds[it] for it in peers if it.startswith(BUILDERS)), default=math.nan)
        ratios = " | ".join(f"{own / rate:.2f}" for own, rate in zip(rates[OURS], best))
        lines.append(f"| imgsearch ÷ the best of them | {builds[OURS] / least:.2f} | {ratios} |")
    return "\n".join(lines)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", nargs="*", help="what the libraries' names begin with")
    parser.add_argument("--program", help="the bench in Rust, where it is built already")
    parser.add_argument("--results", type=Path, help="a JSON file for all that was measured")
    return parser.parse_args()


def main():
    given = arguments()
    base, queries = np.load(given.base), np.load(given.queries)
    truth = exact(base, queries)
    only = tuple(given.only or [""])
    names = [name for name in [OURS, *PEERS] if name.startswith(only)]
    engines = []
    for name in names:
        own = name == OURS
        files = given.base.resolve(), given.queries.resolve()
        engines.append(
            Own(given.program or program(), *files) if own else Peer(name, base, queries, truth)
        )
    curves = {name: [] for name in names}
    for number in range(given.turns):
        shift = number * len(engines) // given.turns
        for engine in engines[shift:] + engines[:shift]:
            curves[engine.name].append(engine.turn())
    for engine in engines:
        engine.end()
    builds = {engine.name: engine.build for engine in engines}
    rates = {
        name: [statistics.median(at(points, target) for points in turns) for target in TARGETS]
        for name, turns in curves.items()
    }
    versions = ", ".join(f"{it} {version(it)}" for it in ("hnswlib", "usearch", "faiss-cpu"))
    print(f"{len(base):,} rows of {base.shape[1]}, {len(queries):,} queries, recall@{K}, one thread,")
    print(f"median of {given.turns} turns; {versions}; {processor()}, {os.cpu_count()} cores\n")
    print(table(builds, rates))
    for engine in engines:
        for line in engine.about if engine.name == OURS else []:
            print(f"\n    {json.dumps(line)}", end="")
    print()
    if given.results:
        given.results.write_text(json.dumps({"builds": builds, "curves": curves}))


if __name__ == "__main__":
    main()
