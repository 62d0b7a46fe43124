"""Data-parallel training under ``torchrun``: each process takes its share of every batch, and all keep equal weights."""

from __future__ import annotations

import os

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


def join_processes(device: str) -> None:
    """Join the processes that ``torchrun`` started; nothing happens in a process that it did not start.

    With ``device="cuda"`` each takes a GPU of its own.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
        if device == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")


def rank_and_size() -> tuple[int, int]:
    """Return the place of this process among all, and their number."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_available() and dist.is_initialized() else (0, 1)


def wait_for_all() -> None:
    """Return once every process is here."""
    if rank_and_size()[1] > 1:
        dist.barrier()


def leave_processes() -> None:
    """Take leave of the other processes."""
    if rank_and_size()[1] > 1:
        dist.destroy_process_group()


def from_first(value: float, device: str) -> float:
    """Return the first process's value, so that all follow one clock."""
    if rank_and_size()[1] == 1:
        return value
    shared = torch.tensor(value, dtype=torch.float64, device=device)
    dist.broadcast(shared, 0)
    return float(shared)


def add_gradients(module: nn.Module) -> None:
    """Add up the gradients of all processes; each has scaled its loss to its share of the batch."""
    if rank_and_size()[1] == 1:
        return
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    joined = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(joined)
    place = 0
    for gradient in gradients:
        gradient.copy_(joined[place : place + gradient.numel()].view_as(gradient))
        place += gradient.numel()


def share_weights(module: nn.Module) -> None:
    """Give every process the first one's weights and buffers."""
    if rank_and_size()[1] > 1:
        for value in module.state_dict().values():
            dist.broadcast(value, 0)


def synchronize_normalization(module: nn.Module) -> nn.Module:
    """Return the module with batch normalisation over the whole batch; its weights and their names stay."""
    if rank_and_size()[1] == 1:
        return module
    if isinstance(module, nn.BatchNorm2d):
        # PyTorch's own SyncBatchNorm runs on GPUs alone.
        module.__class__ = _SharedBatchNorm
    for child in module.children():
        synchronize_normalization(child)
    return module


class _SharedBatchNorm(nn.BatchNorm2d):
    """Batch normalisation with the mean and variance over the photos of all processes."""

    def forward(self, photos: Tensor) -> Tensor:
        if not self.training:
            return super().forward(photos)
        values = photos.float()
        count = torch.tensor([float(values.numel() // values.shape[1])], device=values.device)
        sums = torch.cat([values.sum((0, 2, 3)), values.square().sum((0, 2, 3)), count])
        total: Tensor = all_reduce(sums)  # type: ignore[no-untyped-call]
        channels = values.shape[1]
        mean = total[:channels] / total[-1]
        variance = total[channels : 2 * channels] / total[-1] - mean.square()
        with torch.no_grad():
            momentum = self.momentum or 0.1
            unbiased = variance * total[-1] / (total[-1] - 1)
            if self.running_mean is not None and self.running_var is not None:
                self.running_mean.lerp_(mean, momentum)
                self.running_var.lerp_(unbiased, momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked += 1
        # Not functional.batch_norm, which takes given means for constants and drops their gradient.
        scale = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - mean * scale
        normalized: Tensor = values * scale[:, None, None] + shift[:, None, None]
        return normalized
