"""Where an interrupted training goes on: weights, averaged weights and optimiser state, in safetensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from ad_autocategorize.artifacts import disk_errors

CHECKPOINT_NAME = "checkpoint.safetensors"


def save_checkpoint(path: Path, parts: dict[str, nn.Module], optimizer: Optimizer, progress: dict[str, Any]) -> None:
    """Write a checkpoint that replaces the one before only when it is complete. Raises ``OSError``."""
    tensors = {f"{part}/{name}": value for part, module in parts.items() for name, value in module.state_dict().items()}
    for place, entries in optimizer.state_dict()["state"].items():
        for name, value in entries.items():
            if value is not None:
                tensors[f"optimizer/{place}/{name}"] = torch.as_tensor(value)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".incomplete")
    # Copied, since tensors that share memory are refused.
    contiguous = {name: value.detach().clone().cpu().contiguous() for name, value in tensors.items()}
    with disk_errors():
        save_file(contiguous, temporary, metadata={"progress": json.dumps(progress)})
    temporary.replace(path)


def load_checkpoint(path: Path, parts: dict[str, nn.Module], optimizer: Optimizer) -> dict[str, Any]:
    """Put everything back and return the progress. Raises ``OSError`` and ``ValueError``."""
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    if "progress" not in metadata:
        raise ValueError(f"{path} is no checkpoint of a photo network.")
    for part, module in parts.items():
        state = {name.split("/", 1)[1]: value for name, value in tensors.items() if name.startswith(f"{part}/")}
        try:
            module.load_state_dict(state)
        except RuntimeError as error:
            raise ValueError(f"{path} was written with other labels or settings; start without resuming.") from error
    kept = optimizer.state_dict()
    for name, value in tensors.items():
        if name.startswith("optimizer/"):
            _, place, entry = name.split("/")
            kept["state"].setdefault(int(place), {})[entry] = value
    optimizer.load_state_dict(kept)
    progress: dict[str, Any] = json.loads(metadata["progress"])
    return progress
