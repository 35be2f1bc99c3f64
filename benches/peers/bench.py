"""imgsearch's forward pass beside ONNX Runtime's, OpenVINO's, PyTorch's and stock Candle's.

    python bench.py FOLDER [--networks resnet50 ...] [--threads 1 2] [--batches 1 8] [--rounds 20]

Every engine is a process that has loaded its network and waits. A round gives each of them its turn
of half a second while the others are stopped, in an order that changes from round to round; then
come the next rounds. So whatever else the machine does meets all engines alike. An engine's time in
a round is the median of its calls, a ratio is the median over the rounds of the ratios within each
round. Before that all engines' descriptors are compared.
"""

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

from networks import MORE, NAMES

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OURS = "imgsearch"
# What the bars of the project are measured against: the better of these.
RIVALS = ["onnxruntime", "openvino"]
PEERS = [*RIVALS, "pytorch", "pytorch_cl", "candle"]
TITLES = {
    OURS: "imgsearch",
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
    "pytorch": "PyTorch",
    "pytorch_cl": "PyTorch NHWC",
    "candle": "Candle",
}
LARGEST_DEVIATION = 1e-4


def build():
    """Builds the engine written in Rust; the path of its program."""
    command = ["cargo", "bench", "--bench", "forward", "--no-run", "--message-format", "json"]
    said = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in said.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "forward":
            return message["executable"]
    raise SystemExit("cargo named no program")


class Engine:
    """A process that holds a network; stopped whenever it is not its turn."""

    def __init__(self, name, program, setting):
        network, batch, threads, folder = setting
        environment = os.environ | {
            "RAYON_NUM_THREADS": str(threads),
            "OMP_NUM_THREADS": str(threads),
        }
        if name in (OURS, "candle"):
            command = [program, "--engine", name, "--model", network]
            command += ["--weights", folder / network / "weights.safetensors"]
            command += ["--input", folder / "pixels.f32", "--batch", batch, "--threads", threads]
        else:
            command = [sys.executable, HERE / "engine.py", name, network, folder, batch, threads]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        command = [str(part) for part in command]
        self.name = name
        self.process = subprocess.Popen(command, text=True, env=environment, **pipes)
        self.about = self.listen()
        self.process.send_signal(signal.SIGSTOP)

    def listen(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended")
        return json.loads(line)

    def ask(self, line):
        self.process.send_signal(signal.SIGCONT)
        print(line, file=self.process.stdin, flush=True)
        answer = self.listen()
        self.process.send_signal(signal.SIGSTOP)
        return answer

    def output(self, folder):
        file = folder / f"{self.name}.f32"
        self.ask(f"output {file}")
        return np.fromfile(file, dtype=np.float32)

    def end(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.close()
        self.process.wait()


def check(engines, folder):
    """All descriptors within 1e-4 of PyTorch's, relative to the largest value."""
    outputs = {engine.name: engine.output(folder) for engine in engines}
    reference = outputs.get("pytorch", next(iter(outputs.values())))
    worst = {}
    for name, output in outputs.items():
        worst[name] = float(np.abs(output - reference).max() / np.abs(reference).max())
        if not worst[name] <= LARGEST_DEVIATION:
            raise SystemExit(f"{name} deviates by {worst[name]:.1e}")
    return worst


def measure(engines, given):
    """Each engine's time in each round in seconds a picture, and the machine's peak."""
    times = {engine.name: [] for engine in engines}
    peak = 0.0
    for number in range(given.rounds):
        shift = number % len(engines)
        for engine in engines[shift:] + engines[:shift]:
            # Stock Candle takes seconds; it is far enough away that few rounds tell by how much.
            if engine.name == "candle" and number >= given.candle_rounds:
                continue
            seconds = engine.ask(f"run {given.seconds}")["seconds"]
            times[engine.name].append(statistics.median(seconds))
            if engine.name == OURS:
                peak = max(peak, engine.ask("peak 0.05")["gflops"])
    return times, peak


def row(setting, engines, times, peak, deviations):
    network, batch, threads, _ = setting
    own = times[OURS]
    ratio = {
        name: statistics.median(theirs / ours for theirs, ours in zip(per_round, own))
        for name, per_round in times.items()
    }
    rivals = [name for name in RIVALS if name in times]
    best = min(rivals, key=lambda name: statistics.median(times[name]), default=None)
    multiply_adds = next(e for e in engines if e.name == OURS).about["multiply_adds"]
    milliseconds = {
        name: statistics.median(per_round) / batch * 1e3 for name, per_round in times.items()
    }
    return {
        "network": network,
        "threads": threads,
        "batch": batch,
        "milliseconds_per_picture": milliseconds,
        "fastest_milliseconds_per_picture": {n: min(t) / batch * 1e3 for n, t in times.items()},
        "ratio": ratio,
        "best_rival": best,
        "ratio_to_best_rival": ratio.get(best),
        "peak_gflops": peak,
        "share_of_peak": 2 * multiply_adds / (milliseconds[OURS] * 1e-3) / (peak * 1e9),
        "deviation_from_pytorch": deviations,
    }


def table(rows, names):
    peers = [name for name in names if name != OURS]
    head = ["network", "threads", "batch", TITLES[OURS], "of peak", "against the better"]
    head += [TITLES[name] for name in peers]
    lines = ["| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|"]
    for entry in rows:
        times, ratio = entry["milliseconds_per_picture"], entry["ratio"]
        against = entry["ratio_to_best_rival"]
        cells = [entry["network"], str(entry["threads"]), str(entry["batch"])]
        cells += [f"{times[OURS]:.2f} ms", f"{entry['share_of_peak']:.0%}"]
        cells += [f"**{against:.2f}×**" if against else ""]
        cells += [f"{times[name]:.2f} ms, {ratio[name]:.2f}×" for name in peers]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="what export.py made")
    parser.add_argument("--networks", nargs="+", choices=NAMES + MORE, default=NAMES)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--engines", nargs="+", choices=PEERS, default=PEERS)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--candle-rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5, help="of an engine's turn")
    parser.add_argument("--program", help="the Rust engine, where it is already built")
    return parser.parse_args()


def main():
    given = arguments()
    folder = given.folder.resolve()
    program = given.program or build()
    names = [OURS, *given.engines]
    settings = [
        (network, batch, threads, folder)
        for network in given.networks
        for threads in given.threads
        for batch in given.batches
    ]
    rows = []
    for setting in settings:
        engines = [Engine(name, program, setting) for name in names]
        try:
            deviations = check(engines, folder)
            times, peak = measure(engines, given)
        finally:
            for engine in engines:
                engine.end()
        rows.append(row(setting, engines, times, peak, deviations))
        (folder / "results.json").write_text(json.dumps(rows, indent=1))
        print(table(rows[-1:], names).splitlines()[-1], file=sys.stderr)
    print(f"{processor()}, {os.cpu_count()} processors, f32, 224 × 224, ms per picture; ")
    print(f"× is how many times as long as imgsearch; {given.rounds} rounds\n")
    print(table(rows, names))


if __name__ == "__main__":
    main()
