"""Exports a model of timm as the graph that computes embeddings. The one module of this folder that needs PyTorch."""

from __future__ import annotations

import logging
import tempfile
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from ad_autocategorize.item_photos.backbone import OUTPUT
from ad_autocategorize.photos.training.backbones import Backbone, Origin, initialize, make_backbone
from ad_autocategorize.photos.training.export import INPUT, LARGEST_BATCH


class _Embedding(nn.Module):
    """A backbone that takes values from 0 to 1, and normalises them itself."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.module = backbone.module
        self.mean, self.std = (
            nn.Parameter(torch.tensor(values).view(1, 3, 1, 1), requires_grad=False)
            for values in (backbone.mean, backbone.std)
        )

    def forward(self, photos: Tensor) -> Tensor:
        embeddings: Tensor = self.module((photos - self.mean) / self.std)
        return embeddings


def export_backbone(
    name: str, weights: str, height: int, width: int, *, accept_licence: bool = False
) -> tuple[bytes, Origin]:
    """Return the ONNX graph of a backbone, and where its weights come from.

    The graph takes photos, float32[n, 3, height, width] of values from 0 to 1, and returns embeddings. ``name`` is a model of
    timm; for ``weights`` and for what is raised see ``backbones.initialize``.
    """
    backbone = make_backbone(name, height, width)
    origin = initialize(backbone.module, name, weights, accept_licence=accept_licence)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "backbone.onnx"
        torch.onnx.export(
            _Embedding(backbone).eval(),
            (torch.zeros(2, 3, height, width),),
            str(path),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes={INPUT: {0: torch.export.Dim("n", min=1, max=LARGEST_BATCH)}},
            external_data=False,
            verbose=False,
            dynamo=True,
        )
        return path.read_bytes(), origin
