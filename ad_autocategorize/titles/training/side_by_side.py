"""Running tasks of a training side by side, in processes that joblib starts or on the cluster that it is told of."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, TypeVar

Result = TypeVar("Result")

# As joblib names its processes; a worker of a Dask cluster belongs to somebody else, and a training without them to whoever
# started it.
_NAME = "LokyProcess"
_SECONDS = 1.0


def run_side_by_side(
    function: Callable[..., Result], arguments: Iterable[tuple[Any, ...]], *, jobs: int
) -> Iterator[Result]:
    """Call a function of a module with each of the arguments, in ``jobs`` processes; yield the results in their order."""
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
    """Let this process end soon after the one that it helps, if joblib has started it for one.

    One that memory ran out for is killed without a word to its helpers, which would keep theirs for many minutes.
    """
    if multiprocessing.current_process().name.startswith(_NAME):
        threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(trainer: int) -> None:
    while os.getppid() == trainer:
        time.sleep(_SECONDS)
    os._exit(1)
