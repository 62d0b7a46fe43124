"""Training on a Dask cluster with processes of its own, one of which is killed."""

import os
import signal

import pytest

from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.cluster import ClusterError, on_cluster
from ad_autocategorize.titles.training.training import train
from tests.titles.data import labelled_titles

distributed = pytest.importorskip("distributed")


@pytest.fixture
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        yield cluster


def trained_on(scheduler, folder, progress=None):
    titles, paths = labelled_titles(1500)
    with on_cluster(scheduler):
        scorer = train(titles, paths, TitleSettings(), seed=3, jobs=1, progress=progress).scorer
    scorer.save(folder, metadata={})
    return (folder / "model.safetensors").read_bytes()


def test_a_cluster_learns_what_one_machine_does_whoever_is_killed(cluster, tmp_path):
    here = trained_on(None, tmp_path / "here")
    seen = []

    def kill_one(stage, done, total):
        with distributed.Client(cluster.scheduler_address) as client:
            if not seen:
                seen.extend(client.run(os.getpid).values())
                assert len(seen) == 2
                os.kill(seen[0], signal.SIGKILL)

    assert trained_on(cluster.scheduler_address, tmp_path / "there", kill_one) == here
    assert seen
    with distributed.Client(cluster.scheduler_address) as client:
        # The one that was killed is perhaps just being started again.
        done = client.run(lambda dask_worker: dask_worker.state.executed_count, on_error="ignore")
    assert sum(done.values()) > 0


def test_without_a_cluster_it_says_what_to_start(monkeypatch):
    monkeypatch.setattr("ad_autocategorize.titles.training.cluster.PATIENCE", 1)
    with pytest.raises(ClusterError, match="dask scheduler"), on_cluster("tcp://127.0.0.1:9"):
        pass
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        with pytest.raises(ClusterError, match="several threads"), on_cluster(cluster.scheduler_address):
            pass
