"""Training in several processes, which ``torchrun`` starts. PyTorch itself keeps their gradients and weights alike."""

from __future__ import annotations

import os

import torch
import torch.distributed as dist


def join_processes(device: str) -> None:
    """Join the processes that ``torchrun`` started; nothing happens in a process that it did not start.

    With ``device="cuda"`` each takes a GPU of its own.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
        if device == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")


def rank_and_size() -> tuple[int, int]:
    """Return the rank of this process, and the number of processes."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def wait_for_all() -> None:
    """Return once every process is here."""
    if rank_and_size()[1] > 1:
        dist.barrier()


def leave_processes() -> None:
    """Leave the process group."""
    if rank_and_size()[1] > 1:
        dist.destroy_process_group()
