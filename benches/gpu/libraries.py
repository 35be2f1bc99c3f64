"""Finds CUDA's libraries on this machine, and tells the versions of all that is measured with.

    python3 libraries.py path       folders for LD_LIBRARY_PATH
    python3 libraries.py versions   a line of JSON

They may be in a toolkit's folder, in the folders of Python's nvidia-* packages, which come with
torch, or where the loader looks by itself.
"""

import ctypes
import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
from glob import glob
from pathlib import Path

LIBRARIES = {
    "libcuda": "libcuda.so.1",
    "libnvrtc": "libnvrtc.so.13",
    "libcurand": "libcurand.so.10",
    "libcublas": "libcublas.so.13",
    "libcublasLt": "libcublasLt.so.13",
    "libcudnn": "libcudnn.so.9",
}


def candidates():
    """Folders in which there may be some, the likeliest first."""
    packages = importlib.util.find_spec("nvidia")
    for place in (packages.submodule_search_locations or []) if packages else []:
        yield from sorted(glob(f"{place}/*/lib"))
    for home in [
        os.environ.get("CUDA_HOME"),
        "/usr/local/cuda",
        *sorted(glob("/usr/local/cuda-13*")),
    ]:
        if home:
            yield from (f"{home}/lib64", f"{home}/targets/x86_64-linux/lib")
    yield from ("/usr/local/nvidia/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/wsl/lib")


def folders():
    """For each library the first folder that has it; what is set already goes before."""
    found = [folder for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if folder]
    for name in LIBRARIES.values():
        having = [folder for folder in candidates() if Path(folder, name).exists()]
        if having and not any(Path(folder, name).exists() for folder in found):
            found.append(having[0])
    return found


def loaded():
    """For each library its version, true where it does not tell one, or what the loader says."""
    answers = {}
    for name, file in LIBRARIES.items():
        try:
            answers[name] = version_of(name, ctypes.CDLL(file))
        except (OSError, AttributeError) as error:
            answers[name] = f"not loaded: {error}"
    return answers


def version_of(name, library):
    number = ctypes.c_int()
    if name == "libcuda":
        library.cuDriverGetVersion(ctypes.byref(number))
        return f"CUDA {number.value // 1000}.{number.value % 1000 // 10}"
    if name == "libcudnn":
        library.cudnnGetVersion.restype = ctypes.c_size_t
        version = library.cudnnGetVersion()
        return f"{version // 10000}.{version // 100 % 100}.{version % 100}"
    if name == "libnvrtc":
        minor = ctypes.c_int()
        library.nvrtcVersion(ctypes.byref(number), ctypes.byref(minor))
        return f"{number.value}.{minor.value}"
    return True


def card():
    """Name, memory and driver as nvidia-smi tells them."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
        name, memory, driver = said.stdout.splitlines()[0].split(", ")
        return {"card": name, "memory": memory, "driver": driver}
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        return {"card": None, "driver": None, "no_card": str(error)[:200]}


def nvcc():
    try:
        said = subprocess.run(["nvcc", "--version"], capture_output=True, text=True, timeout=20)
        return next(
            line.split("release ")[1] for line in said.stdout.splitlines() if "release" in line
        )
    except (OSError, subprocess.SubprocessError, StopIteration):
        return None


def package(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def versions():
    packages = {name: package(name) for name in ("torch", "torchvision", "timm", "pillow")}
    return {
        "measure": "versions",
        **card(),
        "toolkit": nvcc(),
        **loaded(),
        **packages,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "processor": platform.machine(),
    }


def main():
    if sys.argv[1:] == ["path"]:
        print(":".join(folders()))
    elif sys.argv[1:] == ["versions"]:
        print(json.dumps(versions()))
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
