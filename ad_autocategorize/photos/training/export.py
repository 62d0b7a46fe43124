"""From a trained network to the ONNX graph that web processes run."""

from __future__ import annotations

import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ad_autocategorize.photos.training.network import OUTPUTS, CarNetwork

INPUT = "photos"
# Photos of one ad that the exported graph takes at once.
LARGEST_BATCH = 64


class _Ordered(nn.Module):
    """The network with its outputs in the order of ``OUTPUTS``."""

    def __init__(self, network: CarNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, photos: Tensor) -> tuple[Tensor, ...]:
        outputs = self.network.answer(photos)
        return tuple(outputs[name] for name in OUTPUTS)


def to_onnx(network: CarNetwork, height: int, width: int) -> bytes:
    """Return the ONNX graph of a network.

    It takes photos, float32[n, 3, height, width] of values from 0 to 1, and returns the logits of each output.
    """
    # The network is trained in the channels-last layout; the exporter expects the usual one.
    plain = network.to("cpu").to(memory_format=torch.contiguous_format).eval()
    example = torch.zeros(2, 3, height, width)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            _Ordered(plain),
            (example,),
            str(path),
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_shapes={INPUT: {0: torch.export.Dim("n", min=1, max=LARGEST_BATCH)}},
            external_data=False,
            verbose=False,
            dynamo=True,
        )
        return path.read_bytes()


def largest_difference(network: CarNetwork, graph: bytes, photos: NDArray[np.float32]) -> float:
    """Return the largest difference between torch's logits and ONNX Runtime's, for photos float32[n, 3, height, width]."""
    from ad_autocategorize.photos.predictor import open_session, run_graph

    network.eval()
    with torch.inference_mode():
        expected = network.answer(torch.from_numpy(photos))
    answered = run_graph(open_session(graph), photos)
    return max(float(np.abs(expected[name].numpy() - answered[name]).max()) for name in OUTPUTS)
