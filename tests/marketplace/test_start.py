"""The demo from nothing: its photo network, the command that sets all of it up, and the page that says what to try."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from PIL import Image

from ad_autocategorize import registry
from ad_autocategorize.artifacts import GRAPH_NAME
from ad_autocategorize.cars.services import suggest_car
from ad_autocategorize.models import LabelIssue, ModelVersion
from ad_autocategorize.photos.artifact import read_photo_manifest
from ad_autocategorize.photos.predictor import open_session, run_graph
from marketplace.demo.logins import MODERATOR, OPERATOR, PASSWORD, SELLER
from marketplace.demo.network import FOLDER, halve_weights, install_network
from marketplace.demo.samples import SAMPLES, draw_sample
from marketplace.models import Ad, AdPhoto
from taxonomy.models import CarModel

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parents[2]


@pytest.fixture
def demo(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    call_command("create_demo", "--ads", "300", "--cars", "20", stdout=io.StringIO())


def read(sample):
    return Image.open(io.BytesIO(draw_sample(sample)))


def test_the_network_of_the_repository_reads_drawn_cars(demo, model_dir):
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 2_000_000
    version = install_network()
    assert version.is_active
    assert version.metrics["heads"]["brand"]["accuracy"] > 0.85
    assert (model_dir / version.name / GRAPH_NAME).exists()
    registry.forget()
    for sample in SAMPLES:
        if not sample.whole:
            continue
        answer = suggest_car([read(sample)])
        if sample.car is None:
            assert answer.status == "no_car"
            continue
        model = CarModel.objects.get(name=sample.car.model)
        assert answer.status == "car", sample
        assert answer.fields["car_model"].options[0].value == str(model.pk), sample
    assert install_network() is None
    assert ModelVersion.objects.filter(kind="photos").count() == 1


def test_a_network_in_service_stays_and_an_older_database_is_no_hindrance(demo, model_dir):
    install_network()
    # As when the database is deleted and the models are not.
    ModelVersion.objects.all().delete()
    assert install_network().is_active


def test_nothing_is_kept_of_no_network():
    with pytest.raises(CommandError, match="run retrain_cnn"):
        call_command("keep_demo_network")


def test_it_is_set_up_once_and_says_what_it_does(settings, tmp_path, capsys):
    settings.MEDIA_ROOT = tmp_path / "media"
    call_command("set_up_demo", "--ads", "500", "--cars", "12")
    said = capsys.readouterr().out
    assert [int(number) for number in re.findall(r"^(\d)/5 ", said, re.MULTILINE)] == [1, 2, 3, 4, 5]
    assert len(re.findall(r"^    \d+\.\d s$", said, re.MULTILINE)) == 5
    assert "pictures drawn" in said
    assert ModelVersion.objects.filter(is_active=True).count() == 2
    assert LabelIssue.objects.exists()
    count = Ad.objects.count()
    assert count == 500 + 12 + 6
    call_command("set_up_demo")
    again = capsys.readouterr().out
    assert again.count("there already") == 4
    assert Ad.objects.count() == count


def test_neither_pytorch_nor_a_lock_stands_in_the_way(tmp_path):
    """Where PyTorch is missing the demo starts all the same; and its database lets pages be read while a training writes."""
    program = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, *others):\n"
        "        if name in ('torch', 'torchvision', 'timm', 'onnx'):\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from django.core.management import execute_from_command_line\n"
        "execute_from_command_line(['manage.py', 'set_up_demo', '--ads', '400', '--cars', '10'])\n"
        "from django.db import connection\n"
        "cursor = connection.cursor()\n"
        "for pragma in ('journal_mode', 'busy_timeout'):\n"
        "    print(pragma, cursor.execute(f'PRAGMA {pragma}').fetchone()[0])\n"
    )
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "marketplace.settings",
        "MARKETPLACE_DATA_DIR": str(tmp_path),
    }
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "journal_mode wal\nbusy_timeout 20000" in done.stdout


def test_who_can_log_in(demo, client):
    for name in (SELLER, MODERATOR, OPERATOR):
        assert client.login(username=name, password=PASSWORD), name
        assert (client.get(reverse("admin:index")).status_code == 200) is (name != SELLER)
    assert client.get(reverse("admin:auth_user_changelist")).status_code == 200
    # Everybody else is made up.
    other = Ad.objects.exclude(seller__username=SELLER).first().seller
    assert not other.has_usable_password()


def test_every_link_of_the_start_page_leads_somewhere(demo, client):
    install_network()
    page = client.get(reverse("start"), headers={"accept-language": "en"}).content.decode()
    for name in (SELLER, MODERATOR, OPERATOR):
        assert f"<b>{name}</b>" in page
    assert "knows drawings alone" in page
    links = set(re.findall(r'href="(/[^"#]*)"', page)) | set(re.findall(r'src="(/[^"]*)"', page))
    assert len(links) > 15
    client.login(username=MODERATOR, password=PASSWORD)
    for link in links:
        if not link.startswith("/static/"):
            assert client.get(link, follow=True).status_code == 200, link


def test_without_its_network_the_start_page_says_nothing_of_drawings(client):
    page = client.get(reverse("start"), headers={"accept-language": "en"}).content.decode()
    assert "knows drawings alone" not in page
    assert "make demo" in page


def test_the_photos_to_try_are_files_of_the_form(demo, client):
    install_network()
    for sample in SAMPLES:
        response = client.get(reverse("sample-photo", args=[sample.name]))
        assert response.headers["Content-Type"] == "image/jpeg"
        assert response.content == draw_sample(sample)
    with pytest.raises(OSError, match="truncated"):
        read(SAMPLES[-1]).load()
    assert client.get("/start/other.jpg").status_code == 404


def test_a_seller_with_many_ads_leafs_through_them(client, marketplace_tree, django_user_model):
    client.force_login(django_user_model.objects.get(username="ana"))
    first = client.get(reverse("my-ads"))
    assert len(first.context["ads"]) == 50
    assert 'href="?page=2"' in first.content.decode()
    second = client.get(reverse("my-ads"), {"page": 2})
    assert len(second.context["ads"]) == 40
    assert 'rel="prev"' in second.content.decode()


def test_the_edit_form_shows_the_photos_there_are(demo, client):
    photo = AdPhoto.objects.first()
    client.force_login(photo.ad.seller)
    page = client.get(reverse("ad-update", args=[photo.ad_id])).content.decode()
    assert f'<img src="{photo.image.url}" alt="Foto 1">' in page
    # And so it does when it comes back with errors.
    page = client.post(reverse("ad-update", args=[photo.ad_id]), {"title": ""}).content.decode()
    assert f'<img src="{photo.image.url}" alt="Foto 1">' in page


def test_half_of_the_weights_bits_do_for_the_kept_network():
    onnx = pytest.importorskip("onnx")
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(64, 64)).astype(np.float32)
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["photos", "weights"], ["brand"])],
        "network",
        [value("photos", onnx.TensorProto.FLOAT, [2, 64])],
        [value("brand", onnx.TensorProto.FLOAT, [2, 64])],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    options = {"opset_imports": [onnx.helper.make_opsetid("", 18)], "ir_version": 9}
    whole = onnx.helper.make_model(graph, **options).SerializeToString()
    half = halve_weights(whole)
    assert len(half) < 0.6 * len(whole)
    photos = rng.normal(size=(2, 64)).astype(np.float32)
    answers = [run_graph(open_session(content), photos)["brand"] for content in (whole, half)]
    np.testing.assert_allclose(*answers, atol=0.05)


def test_the_network_in_service_is_kept_for_other_demos(demo, model_dir, tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    first = install_network()
    monkeypatch.setattr("marketplace.demo.network.FOLDER", tmp_path / "network")
    call_command("keep_demo_network", stdout=io.StringIO())
    kept = read_photo_manifest(tmp_path / "network")
    assert kept.vocabularies == read_photo_manifest(model_dir / first.name).vocabularies
    assert {file.name for file in (tmp_path / "network").iterdir()} == {"manifest.json", GRAPH_NAME}
    ModelVersion.objects.all().delete()
    assert install_network().is_active
