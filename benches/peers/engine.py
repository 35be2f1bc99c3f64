"""One peer as a process: says that it is ready, then answers lines as `benches/forward` does.

    python engine.py ENGINE NETWORK FOLDER BATCH THREADS

`run SECONDS` gives the time of every call, `output FILE` the descriptors as raw f32.
"""

import json
import os
import sys
import time
from pathlib import Path

ENGINE, NETWORK, FOLDER, BATCH, THREADS = sys.argv[1:]
FOLDER, BATCH, THREADS = Path(FOLDER), int(BATCH), int(THREADS)
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(THREADS)

import numpy as np  # noqa: E402


def load_pixels():
    values = np.fromfile(FOLDER / "pixels.f32", dtype=np.float32)
    return np.ascontiguousarray(values.reshape(-1, 3, 224, 224)[:BATCH])


def onnxruntime(pixels):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(FOLDER / NETWORK / "network.onnx"), options, providers=["CPUExecutionProvider"]
    )
    return lambda: session.run(None, {"pixels": pixels})[0]


def openvino(pixels):
    import openvino

    core = openvino.Core()
    model = core.read_model(FOLDER / NETWORK / "network.onnx")
    # A fixed shape is the faster way, and the only one in which every layer is planned ahead.
    model.reshape(list(pixels.shape))
    # Without the hint it would compute in bf16 on processors that have it.
    settings = {
        "INFERENCE_NUM_THREADS": THREADS,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    request.set_input_tensor(openvino.Tensor(pixels))

    def forward():
        request.infer()
        return request.get_output_tensor().data

    return forward


def pytorch(pixels, channels_last=False):
    import torch

    from networks import described

    torch.set_num_threads(THREADS)
    net = described(NETWORK, FOLDER / NETWORK / "weights.safetensors")
    x = torch.from_numpy(pixels)
    if channels_last:
        net = net.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)

    def forward():
        with torch.inference_mode():
            return net(x).numpy()

    return forward


ENGINES = {
    "onnxruntime": onnxruntime,
    "openvino": openvino,
    "pytorch": pytorch,
    "pytorch_cl": lambda pixels: pytorch(pixels, channels_last=True),
}


def run(forward, seconds):
    times, start = [], time.perf_counter()
    while not times or time.perf_counter() - start < seconds:
        call = time.perf_counter()
        forward()
        times.append(time.perf_counter() - call)
    return times


def main():
    forward = ENGINES[ENGINE](load_pixels())
    for _ in range(3):
        forward()
    print(json.dumps({"ready": NETWORK}), flush=True)
    for line in sys.stdin:
        what, argument = line.split(maxsplit=1)
        if what == "run":
            answer = {"seconds": run(forward, float(argument))}
        else:
            values = np.asarray(forward(), dtype=np.float32)
            values.tofile(argument.strip())
            answer = {"values": values.size}
        print(json.dumps(answer), flush=True)


main()
