"""Who can write into the folder of models: makes the site serve the version before, and nothing else."""

import json
import shutil
import time

import numpy as np
import pytest
from safetensors.numpy import load_file

from ad_autocategorize import registry
from ad_autocategorize.artifacts import ArtifactError, write_artifact
from ad_autocategorize.categories.services import suggest_categories
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.photos.external_data import names_other_files
from ad_autocategorize.photos.predictor import PhotoPredictor
from ad_autocategorize.titles.scorer import TitleScorer
from tests.plugin.tiny_models import tiny_graph, write_tiny_model

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(trained, model_dir):
    return model_dir / ModelVersion.objects.get(kind="titles").name


def rewrite(folder, target, **changed):
    """Write the folder anew with other tensors, and a digest that fits them: as whoever can write there would."""
    tensors = dict(load_file(folder / "model.safetensors"))
    manifest = json.loads((folder / "manifest.json").read_text())
    tensors.update({name: change(tensors[name]) for name, change in changed.items()})
    kept = {name: value for name, value in manifest.items() if name not in ("format", "kind", "sha256")}
    return write_artifact(target, kind="titles", tensors=tensors, manifest=kept)


def at(position, value):
    def change(array):
        array = array.copy()
        array.flat[position] = value
        return array

    return change


OUT_OF_RANGE = {
    "table.indices": at(0, 2**31 - 1),
    "table.indptr": at(-1, 2**31 - 1),
    "word_rows": at(0, 2**30),
    "pair_rows": at(0, -5),
    "path_edges": at(0, 10**6),
    "node_starts": at(-1, 10**6),
    "category_depths": at(0, 10**9),
    "pairs": lambda array: array[::-1].copy(),
    "bias": lambda array: array[:-1].copy(),
    "floors": lambda array: np.zeros(0, np.float32),
    "hot": lambda array: array[:, :-1].copy(),
    "folded_rows": lambda array: np.zeros(0, np.int64),
}


@pytest.mark.parametrize("name", OUT_OF_RANGE)
def test_arrays_that_lead_out_of_range_are_refused(folder, tmp_path, name):
    digest = rewrite(folder, tmp_path / "other", **{name: OUT_OF_RANGE[name]})
    with pytest.raises(ArtifactError):
        TitleScorer.load(tmp_path / "other", digest)


def test_a_category_that_no_edge_leads_to_is_refused(folder, tmp_path):
    digest = rewrite(folder, tmp_path / "other", path_edges=lambda edges: np.full_like(edges, edges.max()))
    with pytest.raises(ArtifactError, match="along no edge"):
        TitleScorer.load(tmp_path / "other", digest)


def test_a_folder_as_it_was_written_is_served(folder, tmp_path):
    digest = rewrite(folder, tmp_path / "other")
    assert TitleScorer.load(tmp_path / "other", digest).suggest("sofa futon")
    assert TitleScorer.load(folder, ModelVersion.objects.get(kind="titles").digest).suggest("sofa futon")


def served_after(change, folder):
    """Return whether suggestions come from the version before once another, with a folder that was tampered with, is active."""
    before = suggest_categories("sofa futon").model_version
    version = ModelVersion.objects.get(kind="titles")
    other = folder.with_name("titles-other")
    shutil.copytree(folder, other)
    change(other)
    ModelVersion.objects.create(
        kind="titles", name=other.name, digest=version.digest, taxonomy_version=0, ad_count=1
    ).activate()
    registry.expire()
    return suggest_categories("sofa futon").model_version == before


def test_a_folder_that_was_exchanged_does_not_load(folder, tmp_path):
    def exchange(other):
        shutil.rmtree(other)
        rewrite(folder, other, bias=lambda array: array + 1)

    assert served_after(exchange, folder)


@pytest.mark.parametrize(
    "content",
    [b"[" * 200_000, b'{"kind": "titles", "format": 3, "edges": ' + b"[" * 100_000, b"{}", b"\xff\xfe", b"null", b""],
    ids=["nested", "nested later", "empty", "no text", "null", "nothing"],
)
def test_whatever_a_manifest_holds_the_version_before_goes_on(folder, content):
    assert served_after(lambda other: (other / "manifest.json").write_bytes(content), folder)
    started = time.perf_counter()
    for _ in range(20):
        registry.expire()
        assert suggest_categories("sofa futon").suggestions
    assert time.perf_counter() - started < 5


def test_a_version_whose_files_arrive_late_is_served_once_they_are_there(folder, monkeypatch, caplog):
    monkeypatch.setattr(registry, "FIRST_PAUSE_SECONDS", 0.05)
    away = folder.with_name("away")
    folder.rename(away)
    assert suggest_categories("sofa").model_version is None
    for _ in range(3):
        registry.expire()
        assert suggest_categories("sofa").model_version is None
    assert len([record for record in caplog.records if "cannot be served" in record.message]) == 1
    away.rename(folder)
    time.sleep(0.5)
    registry.expire()
    assert suggest_categories("sofa").model_version == folder.name


def test_files_can_be_read_by_the_web_s_user(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o644}


# Photos.


def test_a_graph_that_names_other_files_is_refused(tmp_path):
    pytest.importorskip("onnx")
    assert not names_other_files(tiny_graph())
    for named in ("/etc/passwd", "../../secret", "weights.bin"):
        assert names_other_files(tiny_graph(named))
        with pytest.raises(ArtifactError, match="other files"):
            write_tiny_model(tmp_path / named.replace("/", "_"), tiny_graph(named))
            PhotoPredictor.load(tmp_path / named.replace("/", "_"))
    # Protobuf takes numbers that are written longer than they need be: a search for the text would pass them over.
    graph = tiny_graph("/etc/passwd")
    assert names_other_files(graph.replace(b"\x0a\x08location", b"\x0a\x88\x00location"))


@pytest.mark.parametrize(
    "changes",
    [
        {"preprocessing": {"height": 10**9, "width": 10**9, "zoom": 1, "lowest": 0, "highest": 1}},
        {"rules": {}},
        {"vocabularies": {"brand": ["A"], "model": [], "body_type": [], "color": [], "year": []}},
        {"vocabularies": "nothing"},
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(tmp_path, changes):
    pytest.importorskip("onnx")
    write_tiny_model(tmp_path / "model", **changes)
    with pytest.raises(ArtifactError):
        PhotoPredictor.load(tmp_path / "model")


def test_a_photo_folder_that_was_exchanged_does_not_load(tmp_path):
    pytest.importorskip("onnx")
    digest = write_tiny_model(tmp_path / "model")
    assert PhotoPredictor.load(tmp_path / "model", digest)
    shutil.rmtree(tmp_path / "model")
    write_tiny_model(tmp_path / "model", ad_count=1)
    with pytest.raises(ArtifactError, match="exchanged"):
        PhotoPredictor.load(tmp_path / "model", digest)


def test_a_forked_process_opens_a_session_of_its_own(tmp_path):
    """The threads of the parent's session are not in a child: to run it there would wait for them for ever."""
    import os

    from PIL import Image

    pytest.importorskip("onnx")
    write_tiny_model(tmp_path / "model")
    predictor = PhotoPredictor.load(tmp_path / "model")
    photo = [Image.new("RGB", (64, 48), "red")] * 8
    predictor.predict(photo)
    child = os.fork()
    if child == 0:
        fine = predictor._session is None and predictor.predict(photo).is_car
        predictor = None
        os._exit(0 if fine else 1)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.1)
    os.kill(child, 9)
    os.waitpid(child, 0)
    pytest.fail("the child hangs")
