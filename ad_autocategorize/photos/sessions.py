"""ONNX Runtime's sessions: with as many threads as suit a web process, and opened anew in a forked process."""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.photos.external_data import names_other_files


class GraphSession:
    """A graph and the session that runs it; safe to share between threads, and to be inherited by a forked process."""

    def __init__(self, graph: bytes) -> None:
        if names_other_files(graph):
            raise ValueError("it names other files")
        self._graph = graph
        self._opening = threading.Lock()
        # Opened at once, so that loading fails if the graph cannot be run.
        self._session: Any = open_session(graph)
        _loaded.add(self)

    def forget_session(self) -> None:
        """After a fork, never touch the parent's session again, and open another when one is needed.

        The threads of the parent's session do not exist in the forked process. To run the session, or to free it, would wait for
        them for ever.
        """
        if self._session is not None:
            # Keeps the session from being freed, even at the end of the process, when modules let go of what they hold.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._session))
        self._session, self._opening = None, threading.Lock()

    def _own_session(self) -> Any:
        """Return the session of this process."""
        with self._opening:
            if self._session is None:
                self._session = open_session(self._graph)
            return self._session


def open_session(graph: bytes, threads: int = 0) -> Any:
    """Return an ONNX Runtime session on the CPU; 0 threads stand for one per core, at most four."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or min(4, os.cpu_count() or 1)
    options.inter_op_num_threads = 1
    # Threads that spin while they wait would take the cores from the web server's other processes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def run_graph(session: Any, photos: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Return a session's outputs by name for photos float32[n, 3, height, width]."""
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {session.get_inputs()[0].name: photos}), strict=True))


_loaded: weakref.WeakSet[GraphSession] = weakref.WeakSet()


def _forget_sessions() -> None:
    for each in list(_loaded):
        each.forget_session()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_sessions)
