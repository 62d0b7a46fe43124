"""What one photo costs a web worker: time from the upload's bytes to the answer, and memory, without PyTorch.

``python -m benchmarks.photo_serving [--networks tf_efficientnet_lite0:160x224 resnet18:224x224]``; Linux only. Untrained:
neither time nor memory depends on what it has learned. Every graph is served by a process of its own, as a worker would; "worker
MB" is all that the process held at most, Python and the libraries included.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

# What forms are sent: 2 million pixels, and the 12 million that phones take.
UPLOADS = ((1600, 1200), (4032, 3024))
ROUNDS = 60
BRANDS, MODELS_EACH, BODIES, COLORS, YEARS = 50, 4, 9, 12, 25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--networks",
        nargs="+",
        default=["tf_efficientnet_lite0:160x224", "resnet18:224x224"],
        help="Backbone, and height x width of its input.",
    )
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve is not None:
        serve(arguments.serve)
        return
    columns = "".join(f"{f'{width}x{height} p50 / p95 ms':>26}" for width, height in UPLOADS)
    print(f"{'network':<34}{'graph':<10}{'MB':>7}{'load ms':>9}{'worker MB':>11}{columns}")
    with tempfile.TemporaryDirectory() as folder:
        for network in arguments.networks:
            backbone, _, size = network.partition(":")
            height, width = (int(side) for side in size.split("x"))
            for name, path in write_models(Path(folder), backbone, height, width).items():
                command = [sys.executable, "-m", "benchmarks.photo_serving", "--serve", str(path)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                row = json.loads(done.stdout)
                times = "".join(f"{f'{p50:.1f} / {p95:.1f}':>26}" for p50, p95 in row["times"])
                megabytes = (path / "model.onnx").stat().st_size / 1e6
                print(
                    f"{network:<34}{name:<10}{megabytes:>7.1f}{row['load']:>9.0f}{row['memory']:>11.0f}{times}",
                    flush=True,
                )


def write_models(folder: Path, backbone: str, height: int, width: int) -> dict[str, Path]:
    """Write a model folder for each kind of graph and return them by name."""
    import torch

    from ad_autocategorize.artifacts import GRAPH_NAME
    from ad_autocategorize.photos.answers import Rules
    from ad_autocategorize.photos.artifact import write_photo_artifact
    from ad_autocategorize.photos.preprocessing import Preprocessing
    from ad_autocategorize.photos.training.export import to_onnx
    from ad_autocategorize.photos.training.network import CarNetwork
    from ad_autocategorize.photos.vocabularies import Vocabularies

    torch.manual_seed(0)
    vocabularies = Vocabularies(
        tuple(f"brand {number}" for number in range(BRANDS)),
        tuple((f"brand {brand}", f"model {number}") for brand in range(BRANDS) for number in range(MODELS_EACH)),
        tuple(f"body {number}" for number in range(BODIES)),
        tuple(f"color {number}" for number in range(COLORS)),
        tuple(range(2000, 2000 + YEARS)),
    )
    preprocessing = Preprocessing(height, width)
    network = CarNetwork(backbone, vocabularies, height, width)
    graphs = {"plain": to_onnx(network, height, width)}
    network.mirror = True
    graphs["mirrored"] = to_onnx(network, height, width)
    manifest = {
        "version": "benchmark",
        "vocabularies": vocabularies.to_dict(),
        "rules": Rules().to_dict(),
        "preprocessing": preprocessing.to_dict(),
    }
    written = {}
    for name, content in graphs.items():
        written[name] = folder / f"{backbone} {height}x{width} {name}"
        write_photo_artifact(written[name], {GRAPH_NAME: content}, manifest)
    return written


def serve(path: Path) -> None:
    """Print the times of a worker that loads a model and reads uploads, in milliseconds, and its peak memory."""
    from ad_autocategorize.photos.predictor import PhotoPredictor
    from ad_autocategorize.photos.uploads import READING_LIMITS, decode_upload

    begun = time.perf_counter()
    predictor = PhotoPredictor.load(path)
    load = (time.perf_counter() - begun) * 1000
    times = []
    for width, height in UPLOADS:
        upload = _photo(width, height)
        spent = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            predictor.predict([decode_upload(io.BytesIO(upload), READING_LIMITS)])
            spent.append((time.perf_counter() - begun) * 1000)
        times.append([float(value) for value in np.quantile(spent[5:], [0.5, 0.95])])
    assert "torch" not in sys.modules
    print(json.dumps({"load": load, "memory": _peak_memory(), "times": times}))


def _photo(width: int, height: int) -> bytes:
    """Return a JPEG with as much detail as a photo has."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    coarse.resize((width, height), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _peak_memory() -> float:
    """Return megabytes; not ``getrusage``, whose peak a child takes over from its parent."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
