import json
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load, save

from ad_autocategorize.artifacts import GRAPH_NAME, ArtifactError
from ad_autocategorize.photos.answers import NEVER, Rules
from ad_autocategorize.photos.artifact import (
    WEIGHTS_NAME,
    read_photo_manifest,
    read_verified,
    write_photo_artifact,
)
from ad_autocategorize.photos.predictor import PhotoPredictor, open_session, run_graph
from ad_autocategorize.photos.preprocessing import Preprocessing
from ad_autocategorize.photos.training.evaluation import evaluate, most_confused
from ad_autocategorize.photos.training.export import largest_difference, to_onnx
from ad_autocategorize.photos.training.images import read_photo
from ad_autocategorize.photos.training.network import OUTPUTS
from ad_autocategorize.photos.training.selection import choose_rules
from ad_autocategorize.photos.training.training import Trainer, predict_logits
from ad_autocategorize.photos.vocabularies import HEADS, MISSING
from tests.photos.toys import toy_network, toy_settings


@pytest.fixture(scope="module")
def trained(toys, vocabularies):
    torch.manual_seed(0)
    settings = toy_settings(epochs=10)
    network = toy_network(vocabularies)
    Trainer(network, settings, *toys).run()
    return network


@pytest.fixture(scope="module")
def artifact(trained, toys, vocabularies, tmp_path_factory):
    directory = tmp_path_factory.mktemp("models") / "photos-1"
    rules, _ = choose_rules(
        predict_logits(trained, toys[1]),
        toys[1].seen_labels,
        toys[1].groups,
        vocabularies.compatibility(),
        others_learned=False,
    )
    manifest = {
        "version": "photos-1",
        "vocabularies": vocabularies.to_dict(),
        "rules": rules.to_dict(),
        "preprocessing": Preprocessing(24, 32).to_dict(),
    }
    files = {GRAPH_NAME: to_onnx(trained, 24, 32), WEIGHTS_NAME: save(trained.state_dict())}
    write_photo_artifact(directory, files, manifest)
    return directory


def test_the_exported_graph_answers_as_the_network(artifact, trained, toys):
    graph = (artifact / GRAPH_NAME).read_bytes()
    photos = Preprocessing(24, 32).normalize(toys[1].read(slice(None)))
    assert largest_difference(trained, graph, photos) < 1e-3


def test_a_mirroring_network_answers_alike_whichever_way_the_car_faces(trained, toys, monkeypatch):
    photos = Preprocessing(24, 32).normalize(toys[1].read(slice(20)))
    turned = np.ascontiguousarray(photos[..., ::-1])
    plain = run_graph(open_session(to_onnx(trained, 24, 32)), photos)
    monkeypatch.setattr(trained, "mirror", True)
    graph = to_onnx(trained, 24, 32)
    assert largest_difference(trained, graph, photos) < 1e-3
    session = open_session(graph)
    answered, mirrored = run_graph(session, photos), run_graph(session, turned)
    for name in OUTPUTS:
        np.testing.assert_allclose(answered[name], mirrored[name], atol=1e-3)
    assert np.abs(answered["model"] - plain["model"]).max() > 0.01


def test_the_predictor_reads_files_as_training_does(artifact, trained, toy_records, toys, vocabularies):
    predictor = PhotoPredictor.load(artifact)
    logits = predictor.logits([read_photo(record.path) for record in toy_records[180:190]])
    with torch.inference_mode():
        photos = Preprocessing(24, 32).normalize(toys[1].read(slice(10)))
        expected = trained(torch.from_numpy(photos))
    for name in OUTPUTS:
        np.testing.assert_allclose(logits[name], expected[name].numpy(), atol=1e-3)
    right = 0
    for record in toy_records[180:]:
        answer = predictor.predict([read_photo(record.path)])
        pair = (record.labels.brand, record.labels.model)
        right += answer.is_car and answer.heads["model"].options[0].value == pair
    assert right > 0.9 * 60


@pytest.mark.parametrize("name", [GRAPH_NAME, WEIGHTS_NAME])
def test_a_damaged_file_is_refused(artifact, tmp_path, name):
    directory = tmp_path / "copy"
    directory.mkdir()
    for file in artifact.iterdir():
        (directory / file.name).write_bytes(file.read_bytes())
    content = bytearray((directory / name).read_bytes())
    content[len(content) // 2] ^= 1
    (directory / name).write_bytes(content)
    with pytest.raises(ArtifactError, match="damaged"):
        read_verified(directory, name, read_photo_manifest(directory))


def test_a_manifest_that_lacks_something_is_refused(artifact, tmp_path):
    document = json.loads((artifact / "manifest.json").read_text())
    del document["rules"]["thresholds"]
    (tmp_path / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(ArtifactError, match="thresholds"):
        PhotoPredictor.load(tmp_path)


def test_weights_are_kept_for_the_next_training(artifact, trained):
    weights = load(read_verified(artifact, WEIGHTS_NAME, read_photo_manifest(artifact)))
    assert torch.equal(weights["heads.brand.weight"], trained.state_dict()["heads.brand.weight"])


def test_serving_imports_no_torch(artifact, toy_records):
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from PIL import Image\n"
        "from ad_autocategorize.photos.predictor import PhotoPredictor\n"
        f"answer = PhotoPredictor.load(Path({str(artifact)!r})).predict([Image.open({str(toy_records[0].path)!r})])\n"
        "heavy = {'torch', 'torchvision', 'timm', 'sklearn', 'scipy', 'django', 'onnx'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "print(answer.is_car)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "True"


def test_evaluation_counts_right_and_wrong(trained, toys, vocabularies):
    logits = predict_logits(trained, toys[1])
    figures = evaluate(logits, toys[1].labels, toys[1].groups, vocabularies, Rules())
    assert figures["pair_violations"] == 0
    assert set(figures["heads"]) == set(HEADS)
    for values in figures["heads"].values():
        assert 0 <= values["macro_f1"] <= 1
        assert values["accuracy"] <= values["top3"]
    assert figures["year_within"]["0"] == pytest.approx(figures["heads"]["year"]["accuracy"])
    assert json.loads(json.dumps(figures)) == figures
    # The same photos with every brand wrong.
    labels = toys[1].labels.copy()
    labels[:, 0] = 1 - labels[:, 0]
    wrong = evaluate(logits, labels, toys[1].groups, vocabularies, Rules())
    assert wrong["heads"]["brand"]["accuracy"] == pytest.approx(1 - figures["heads"]["brand"]["accuracy"])
    best = {head: np.zeros(len(labels), dtype=int) for head in HEADS}
    names = [str(number) for number in range(len(labels))]
    confused = most_confused(best, toys[1].labels, vocabularies, names)
    # Head by head, lest the few years and body types crowd out the models.
    assert [item.head for item in confused] == ["brand", "model", "model", "body_type", "color", "year"]
    for first, second in pairwise(confused):
        assert first.head != second.head or first.count >= second.count > 0
    for item in confused:
        assert len(item.photos) == 3
        column = HEADS.index(item.head)
        values = [" ".join(v) if isinstance(v, tuple) else str(v) for v in getattr(vocabularies, item.head)]
        assert {values[toys[1].labels[int(name), column]] for name in item.photos} == {item.truth} != {item.answer}


def test_the_share_of_wholly_right_answers_counts_photos_with_all_five_labels(vocabularies):
    def scores(size, answers):
        return np.eye(size)[answers] * 9.0

    labels = np.array([[0, 0, 0, 0, 0, 1], [0, 1, 1, 0, 0, 1], [1, 2, 0, MISSING, 0, 1]])
    logits = {head: scores(size, labels[:, place]) for place, (head, size) in enumerate(vocabularies.sizes.items())}
    logits["year"] = scores(2, [0, 1, 0])
    logits["car"] = np.full((3, 1), 5.0)
    rules = Rules(thresholds={**dict.fromkeys(HEADS, 0.0), "color": NEVER})
    figures = evaluate(logits, labels, np.arange(3), vocabularies, rules)
    assert figures["all_known_heads_right"] == pytest.approx(2 / 3)
    assert (figures["all_five_known"], figures["all_five_right"]) == (2, 0.5)
    assert (figures["all_but_color_known"], figures["all_but_color_right"]) == (3, pytest.approx(2 / 3))
    year, color = figures["heads"]["year"], figures["heads"]["color"]
    assert (year["filled_in"], year["filled_in_right"]) == (1.0, pytest.approx(2 / 3))
    assert (color["filled_in"], color["filled_in_right"]) == (0.0, None)
    assert [(row["right"], row["photos"]) for row in year["reliability"]] == [(pytest.approx(2 / 3), 3)]
    assert figures["year_within"] == {"0": pytest.approx(2 / 3), "1": pytest.approx(2 / 3), "2": pytest.approx(2 / 3)}


def test_an_ad_of_several_photos_counts_once(vocabularies):
    """Two of its three photos say Ajax: together they are right, whatever the third says alone."""
    labels = np.array([[0, 0, 0, 0, 0, 1]] * 3)
    logits = {head: np.eye(size)[[0, 0, 1]] * 3.0 for head, size in vocabularies.sizes.items()}
    logits["car"] = np.full((3, 1), 5.0)
    figures = evaluate(logits, labels, np.zeros(3, dtype=int), vocabularies, Rules())
    assert (figures["photos"], figures["ads"]) == (3, 1)
    assert figures["heads"]["brand"]["accuracy"] == 1
    assert figures["heads"]["brand"]["support"] == 1


def test_the_manifest_alone_says_what_the_graph_is_given():
    """Whatever a graph expects, the predictor goes by its manifest: view, size and values."""
    photo = np.zeros((40, 60, 3), dtype=np.uint8)
    photo[10:30, 15:45] = 255
    whole, centre = (Preprocessing(20, 30, zoom=zoom).resize(Image.fromarray(photo)) for zoom in (1.0, 2.0))
    assert whole.mean() < 100 < 250 < centre.mean()
    again = Preprocessing.from_dict(Preprocessing(20, 30, zoom=1.15, lowest=-1.0, highest=1.0).to_dict())
    assert again.normalize(np.array([[[[0, 255, 0]]]], dtype=np.uint8)).flatten().tolist() == [-1.0, 1.0, -1.0]
    for values in ({"zoom": 0.5}, {"zoom": 99.0}, {"height": 0}, {"highest": 0.0}):
        with pytest.raises(ValueError, match="no input"):
            Preprocessing.from_dict({**again.to_dict(), "lowest": 0.0, **values})
