"""What is installed from pinned versions: every file has its hash, and no version is below a floor."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = {"requirements.txt": "requirements.lock", "requirements-photos.txt": "requirements-photos.lock"}


def required(name):
    lines = (ROOT / name).read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-r"))]


def pinned(name):
    """Each package's versions, of which Pythons or systems may need several, and the entries without a hash."""
    entries = re.findall(r"^([\w.-]+)==([\w.!+]+)(.*(?:\n    .*)*)", (ROOT / name).read_text(), re.MULTILINE)
    versions = {}
    for package, version, _ in entries:
        versions.setdefault(package, set()).add(Version(version))
    return versions, [package for package, _, rest in entries if "--hash=sha256:" not in rest]


@pytest.mark.parametrize("asked", LOCKS)
def test_what_is_asked_for_is_pinned_with_hashes(asked):
    versions, without_hash = pinned(LOCKS[asked])
    assert not without_hash
    for requirement in required(asked):
        found = versions[requirement.name.lower()]
        assert all(version in requirement.specifier for version in found), requirement


def test_pytorch_comes_beside_the_versions_of_the_demo():
    demo, photos = (pinned(name)[0] for name in LOCKS.values())
    assert {name: photos.get(name) for name in demo} == demo


def test_the_demo_has_the_floors_of_the_package():
    floors = [
        *PROJECT["dependencies"],
        *(line for extra in PROJECT["optional-dependencies"].values() for line in extra),
    ]
    of_package = {wanted.name: str(wanted.specifier) for wanted in map(Requirement, floors)}
    for requirement in (*required("requirements.txt"), *required("requirements-photos.txt")):
        assert of_package[requirement.name] in str(requirement.specifier), requirement


@pytest.mark.parametrize(("package", "floor"), [("Pillow", "13"), ("onnxruntime", "1.24"), ("onnx", "1.21")])
def test_floors_that_are_matters_of_safety_are_kept_in_every_extra(package, floor):
    extras = [Requirement(line) for extra in PROJECT["optional-dependencies"].values() for line in extra]
    assert {str(wanted.specifier) for wanted in extras if wanted.name == package} == {f">={floor}"}
