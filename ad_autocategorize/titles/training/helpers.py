"""The processes that joblib starts beside the one that trains."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from functools import cache

# As joblib names them; a worker of a Dask cluster belongs to somebody else, and a training without them to whoever started it.
_NAME = "LokyProcess"
_SECONDS = 1.0


@cache
def end_with_trainer() -> None:
    """Let this process end soon after the one that it helps, if it is a helper: to be called at the start of its work.

    One that memory ran out for is killed without a word to its helpers, which would keep theirs for many minutes.
    """
    if multiprocessing.current_process().name.startswith(_NAME):
        threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(trainer: int) -> None:
    while os.getppid() == trainer:
        time.sleep(_SECONDS)
    os._exit(1)
