"""The tutorial as a newcomer follows it: in an empty folder, with real training, and a browser where it says to open one."""

import os
import re
import shlex
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial" / "index.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(?P<above>[^\n]*)\n\n```(?P<language>\w+)\n(?P<code>.*?)```", re.DOTALL)
# The packages are those of the environment that runs the tests; installing a wheel has tests of its own (``nox -s wheel``).
INSTALLING = ("python -m venv", ". .venv", "pip install")
SERVING = "python manage.py runserver"


@dataclass
class Project:
    """The folder, the environment of its commands, and the port of its server."""

    folder: Path
    environment: dict
    port: int

    def run(self, command):
        run = subprocess.run(
            command, shell=True, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, f"$ {command}\n{run.stdout}\n{run.stderr}"
        return run.stdout + run.stderr

    def rows(self, query):
        with sqlite3.connect(self.folder / "db.sqlite3") as database:
            return database.execute(query).fetchall()


def write(folder, above, code):
    """Write the file that the line above the block names, or add to it."""
    path = folder / re.search(r"`([\w/.]+)`", above)[1]
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text(encoding="utf-8") if above.startswith("At the end of") else ""
    path.write_text(before + code, encoding="utf-8")


def commands(code):
    """Each command of a console block with what it should print."""
    for part in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
        command, _, printed = part.partition("\n")
        yield command, printed.splitlines()


def assert_printed(expected, output, command):
    for line in expected:
        pattern = ".*".join(re.escape(part) for part in line.split("…"))
        assert re.search(pattern, output), f"$ {command}\nshould print {line!r}, and printed\n{output}"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project after all files are written and all commands but the server have run, in the page's order."""
    folder = tmp_path_factory.mktemp("tutorial")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    bin_folder = str(Path(sys.executable).parent)
    environment = {
        name: value for name, value in os.environ.items() if name not in ("DJANGO_SETTINGS_MODULE", "PYTHONPATH")
    }
    environment |= {
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "error::DeprecationWarning",
        # On a machine that is busy with other tests, threads of one program wait for one another.
        "OMP_NUM_THREADS": "1",
    }
    project = Project(folder, environment, port)
    for block in BLOCK.finditer(TUTORIAL):
        if block["language"] != "console":
            write(folder, block["above"], block["code"])
            continue
        for command, expected in commands(block["code"]):
            if not command.startswith((*INSTALLING, SERVING)):
                assert_printed(expected, project.run(command), command)
    return project


@pytest.fixture(scope="module")
def server(project):
    command = shlex.split(SERVING)[1:]
    process = subprocess.Popen(
        [sys.executable, *command, "--noreload", str(project.port)],
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{project.port}"
    for _ in range(150):
        try:
            urllib.request.urlopen(f"{address}/admin/login/").close()
            break
        except OSError:
            time.sleep(0.2)
    yield address
    process.terminate()
    process.wait()


@pytest.fixture
def page(server, chromium):
    context = chromium.new_context(base_url=server, locale="en")
    page = context.new_page()
    yield page
    context.close()


def test_every_block_is_a_file_or_a_command():
    fences = re.findall(r"^```(\w+)$", TUTORIAL, flags=re.MULTILINE)
    assert len(fences) == len(list(BLOCK.finditer(TUTORIAL)))
    for block in BLOCK.finditer(TUTORIAL):
        assert block["language"] == "console" or re.match(r"(At the end of )?`[\w/.]+`:$", block["above"]), block[
            "above"
        ]


def test_a_title_brings_up_the_category(project, page):
    page.goto("/")
    page.type("#id_headline", "electric bike")
    page.wait_for_selector(".aac-list [role=option]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    chosen = page.eval_on_selector("#id_category", "select => select.value")
    [(name,)] = project.rows(f"SELECT name FROM ad_taxonomy_category WHERE id = {int(chosen)}")
    assert name == "Bicycles"


def test_a_photo_fills_in_the_car(project, page):
    page.goto("/")
    page.set_input_files("#id_photo", project.folder / "my_car.jpg")
    page.wait_for_selector(".aac-car-undo")
    assert page.eval_on_selector("#id_brand", "select => select.selectedOptions[0].text") == "Zenith"
    assert page.eval_on_selector("#id_car_model", "select => select.selectedOptions[0].text").endswith("Cube")


def test_a_key_mends_the_label_and_another_takes_it_back(project, page):
    joined = "shop_listing l JOIN ad_taxonomy_category c ON c.id = l.category_id"
    place = f"SELECT c.name FROM {joined} WHERE l.headline = 'velvet sofa, grey'"
    assert project.rows(place) == [("Cars",)]
    page.goto("/admin/")
    page.fill("#id_username", "eva")
    page.fill("#id_password", "secret")
    page.click("[type=submit]")
    page.click("text=Moderation: start here")
    page.click("a.aac-first:has-text('Start here')")
    assert page.text_content(".review h2") == "velvet sofa, grey"
    # A person reads before they decide; by then the script is there.
    page.wait_for_load_state()
    page.keyboard.press("a")
    page.wait_for_selector(".review-toast[data-level=success]")
    assert project.rows(place) == [("Sofas",)]
    assert project.rows("SELECT COUNT(*) FROM ad_autocategorize_reviewdecision") == [(1,)]
