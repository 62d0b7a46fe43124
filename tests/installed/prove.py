"""What an installed wheel can do, and without which libraries: ``python prove.py EXTRAS``, in a copy of this folder.

The site's data have been made by ``python prove.py train`` where the extra ``train`` is installed; the others serve them, as
web servers do that never train. Every check ends the program where it fails.
"""

import importlib.metadata
import importlib.util
import io
import os
import subprocess
import sys
from pathlib import Path

import django
from django.core.management import CommandError, call_command

TITLES = {
    ("Furniture", "Sofas"): "sofa couch settee",
    ("Furniture", "Tables"): "table desk oak",
    ("Vehicles", "Bicycles"): "bicycle bike gears",
    ("Vehicles", "Cars"): "car hatchback petrol",
}
# A library, and the extras that bring it.
OPTIONAL = {
    "rest_framework": {"api"},
    "drf_spectacular": {"openapi"},
    "prometheus_client": {"metrics"},
    "PIL": {"photos", "heic", "train-photos"},
    "onnxruntime": {"photos", "train-photos"},
    "pillow_heif": {"heic"},
    "sklearn": {"train", "train-photos"},
    "cleanlab": {"train"},
    "torch": {"train-photos"},
    "torchvision": {"train-photos"},
}
# The extras that a command does with, and asks for one of where it has none.
NEEDED = {
    "retrain_classifiers": {"train"},
    "evaluate_classifiers": {"train"},
    "find_mislabels": {"train"},
    "retrain_cnn": {"train-photos"},
    "evaluate_cnn": {"train-photos"},
    "import_car_photos": {"photos", "train-photos"},
}
# This one finds PyTorch, and with it all else, in the development environment: nothing is missing there.
BORROWED = "train-photos"
ARGUMENTS = {"import_car_photos": ["."], "evaluate_cnn": ["--model", "any"]}


def main(extras: set[str]) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    django.setup()
    check_environment(extras)
    if "train" in extras:
        train()
    serve()
    for extra, check in {"api": api, "openapi": openapi, "metrics": metrics, "photos": photos, "heic": heic}.items():
        if extra in extras:
            check()
    lacking = [command for command, enough in NEEDED.items() if not enough & extras and BORROWED not in extras]
    for command in lacking:
        explains_what_to_install(command)
    print(f"[{','.join(sorted(extras)) or 'core'}] serves; {len(lacking)} commands say which extra they lack. {cost()}")


def check_environment(extras: set[str]) -> None:
    """The package is the installed one, has its types marked, and no library of another extra is about."""
    import ad_autocategorize

    folder = Path(ad_autocategorize.__file__).parent
    assert "site-packages" in folder.parts, f"{folder} is not the installed package"
    assert (folder / "py.typed").exists()
    call_command("check", fail_level="WARNING")
    for library, brought_by in OPTIONAL.items():
        there = importlib.util.find_spec(library) is not None
        assert there == bool(brought_by & extras) or (there and BORROWED in extras), (
            f"{library} is {'there' if there else 'missing'} with {extras or 'no extra'}"
        )


def train() -> None:
    from shop.models import Listing

    from taxonomy.bulk import CategoryRow, upsert_categories
    from taxonomy.tree import CategoryTree

    call_command("makemigrations", "shop", verbosity=0)
    call_command("migrate", verbosity=0)
    upsert_categories(CategoryRow(path) for path in TITLES)
    tree = CategoryTree.load()
    for number in range(120):
        path, text = list(TITLES.items())[number % len(TITLES)]
        words = text.split()
        title = f"{words[number % 3]} {words[number // 4 % 3]} number {number % 7}"
        Listing.objects.create(headline=title, category_id=tree.find(path))
    call_command("retrain_classifiers", stdout=io.StringIO(), stderr=io.StringIO())
    call_command("find_mislabels", stdout=io.StringIO(), stderr=io.StringIO())


def serve() -> None:
    """The form suggests, without JavaScript, and nothing of the training side is imported for it."""
    from django.test import Client

    page = Client().post("/new/", {"headline": "old bike", "suggest_category": "1"}).content.decode()
    offered = page[page.index("aac-answers") :]
    assert offered.index("Bicycles") < offered.index("Vehicles") < offered.index("</button>"), offered
    assert Client().get("/admin/login/").status_code == 200
    if "train" not in sys.argv[1]:
        trained_with = {"sklearn", "torch", "cleanlab", "onnx"} & set(sys.modules)
        assert not trained_with, trained_with


def api() -> None:
    from django.test import Client

    answer = Client().post("/api/v1/suggestions/category/", {"title": "old bike"}, content_type="application/json")
    assert answer.json()["suggestions"][0]["path"][-1]["name"] == "Bicycles", answer.content


def metrics() -> None:
    """Prometheus is told which version serves."""
    from prometheus_client import generate_latest

    assert b"ad_autocategorize_version_info{" in generate_latest()


def openapi() -> None:
    import ad_autocategorize.api.schema

    assert ad_autocategorize.api.schema


def photos() -> None:
    from PIL import Image

    from ad_autocategorize.cars.services import suggest_car
    from ad_autocategorize.photos.uploads import decode_upload

    file = io.BytesIO()
    Image.new("RGB", (80, 60), "red").save(file, "JPEG")
    photo = decode_upload(io.BytesIO(file.getvalue()))
    assert photo.size == (80, 60)
    assert suggest_car([photo]).status == "no_model"


def heic() -> None:
    import pillow_heif
    from PIL import Image

    from ad_autocategorize.photos.uploads import decode_upload

    file = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (80, 60), "red")).save(file)
    assert decode_upload(io.BytesIO(file.getvalue())).size == (80, 60)


def explains_what_to_install(command: str) -> None:
    try:
        call_command(command, *ARGUMENTS.get(command, ()), stdout=io.StringIO(), stderr=io.StringIO())
    except CommandError as error:
        assert "pip install 'django-ad-autocategorize[" in str(error), f"{command}: {error}"
    else:
        raise AssertionError(f"{command} ran without {NEEDED[command]}")


START = r"""
import os, re, time
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
import django
django.setup()
from django.test import Client
Client().get("/admin/login/")
%s
# Not getrusage: its maximum is handed on from the process that started this one.
print(time.process_time(), int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) / 1024)
"""
SUGGEST = 'Client().post("/new/", {"headline": "old bike", "suggest_category": "1"})'


def cost() -> str:
    """Compare a process that has suggested something with one of bare Django, each the quickest of three."""
    bare, serving = _cheapest("", SITE_BARE="1"), _cheapest(SUGGEST)
    version = importlib.metadata.version("django-ad-autocategorize")
    return (
        f"Version {version} with its model and one suggestion, above bare Django: "
        f"{serving[0] - bare[0]:.2f} s of CPU, {serving[1] - bare[1]:.0f} MB."
    )


def _cheapest(work: str, **environment: str) -> tuple[float, float]:
    """Return the least seconds of CPU and megabytes that processes with an admin page and this work took, of three."""
    runs = []
    for _ in range(3):
        command = [sys.executable, "-c", START % work]
        run = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
        if run.returncode:
            sys.exit(run.stderr)
        runs.append([float(figure) for figure in run.stdout.split()])
    return min(seconds for seconds, _ in runs), min(megabytes for _, megabytes in runs)


if __name__ == "__main__":
    main(set(filter(None, sys.argv[1].split(","))))
