"""Running tasks of a training side by side, in processes that joblib starts or on a cluster (see ``cluster``)."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, TypeVar

Result = TypeVar("Result")

# How the names of joblib's own processes begin. Only these may be ended here: a worker of a Dask cluster serves others too,
# and with a single job the task runs in the trainer's own process.
_NAME = "LokyProcess"
# How often such a process looks whether the trainer is still there.
_SECONDS = 1.0


def run_side_by_side(
    function: Callable[..., Result], arguments: Iterable[tuple[Any, ...]], *, jobs: int
) -> Iterator[Result]:
    """Call ``function`` with each tuple of arguments, in ``jobs`` processes; yield the results in the order of the arguments.

    The function has to be at the top level of a module, so that other processes can import it.
    """
    from joblib import Parallel, delayed

    results: Iterator[Result] = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(_run)(function, each) for each in arguments
    )
    return results


def _run(function: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
    _end_with_trainer()
    return function(*arguments)


@cache
def _end_with_trainer() -> None:
    """See to it that this process, if joblib started it, ends soon after the trainer that it works for.

    A trainer that runs out of memory is killed without notice, and its processes would keep their own memory for many minutes.
    """
    if multiprocessing.current_process().name.startswith(_NAME):
        threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(trainer: int) -> None:
    while os.getppid() == trainer:
        time.sleep(_SECONDS)
    os._exit(1)
