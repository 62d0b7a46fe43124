"""Training on several machines: joblib's tasks go to the workers of a Dask cluster.

What is learned does not depend on where: each node's classifier comes from its own ads and the seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

# Seconds to wait for the scheduler, and then for its first worker.
PATIENCE = 30


class ClusterError(ValueError):
    """There is no cluster to train on; the message says what to start."""


@contextmanager
def on_cluster(scheduler: str | None) -> Iterator[None]:
    """Run tasks on the cluster of a scheduler such as "tcp://10.0.0.1:8786", or on this machine if that is ``None``.

    Raises ``ClusterError`` if the scheduler does not answer or has no workers, or if a worker has several threads: liblinear's
    random numbers are global to a process, so that nodes trained in two threads would turn out different each time.
    """
    if scheduler is None:
        yield
        return
    from distributed import Client
    from joblib import parallel_config

    try:
        client = Client(scheduler, timeout=PATIENCE)  # type: ignore[no-untyped-call]
        client.wait_for_workers(1, timeout=PATIENCE)
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(
            f"No cluster at {scheduler} ({error}). Start one with dask scheduler, and workers with dask worker --nthreads 1."
        ) from error
    with client:
        threads = {worker["nthreads"] for worker in client.scheduler_info(n_workers=-1)["workers"].values()}
        if threads != {1}:
            raise ClusterError("A worker has several threads. Start each with dask worker --nthreads 1.")
        with parallel_config(backend="dask", n_jobs=-1):
            yield
