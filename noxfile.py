"""What needs environments of its own: ``nox --list``. ``make test-matrix`` and ``make test-wheel`` run it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests"]

# Each Python with each Django that supports it.
MATRIX = [
    ("3.11", "5.2"),
    ("3.12", "5.2"),
    ("3.12", "6.0"),
    ("3.12", "6.1"),
    ("3.13", "5.2"),
    ("3.13", "6.0"),
    ("3.13", "6.1"),
]
# PyTorch takes gigabytes, and linters run elsewhere: the matrix has what a site that trains no photo network has.
NOT_IN_MATRIX = (
    *("torch", "timm", "tensorboard", "efficientnet"),
    *("ruff", "mypy", "import-linter", "pip-audit", "mutmut"),
    *("nox", "build", "sphinx", "furo", "myst-parser"),
)
# What a site may be installed with. The first trains what the others serve.
EXTRAS = ["train", "", "api", "api,openapi,metrics", "photos", "photos,heic", "train-photos"]
BUILT = Path("build/wheel")


def interpreter(version: str) -> str:
    """Return what is on the PATH, or what pyenv has put elsewhere."""
    elsewhere = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    return str(elsewhere[-1]) if elsewhere else f"python{version}"


def requirements() -> list[str]:
    """Return what the tests need, but for what is large or for linters."""
    lines = [
        line.strip()
        for name in ("requirements.txt", "requirements-photos.txt", "requirements-dev.txt")
        for line in Path(name).read_text(encoding="utf-8").splitlines()
    ]
    return [
        line
        for line in lines
        if line and not line.startswith(("#", "-r", "Django>", *NOT_IN_MATRIX)) and "stubs" not in line
    ]


@nox.session
@nox.parametrize(
    "python,django",
    [nox.param(interpreter(python), django, id=f"python{python}-django{django}") for python, django in MATRIX],
)
def tests(session: nox.Session, django: str) -> None:
    """Run the tests without PyTorch. A warning that something will go away is a failure."""
    session.install("--quiet", f"Django~={django}.0", *requirements())
    session.run("python", "-W", "error::DeprecationWarning", "-m", "pytest", "-n", "auto", *session.posargs)


@nox.session
def wheel_build(session: nox.Session) -> None:
    """Build the wheel, and compare what is in it with what is in git."""
    session.install("--quiet", "build")
    shutil.rmtree(BUILT, ignore_errors=True)
    session.run("python", "-m", "build", "--wheel", "--outdir", str(BUILT), silent=True)
    session.run("python", "tests/installed/check_contents.py", str(built_wheel()))


@nox.session(requires=["wheel_build"])
@nox.parametrize("extras", [nox.param(extras, id=extras or "core") for extras in EXTRAS])
def wheel(session: nox.Session, extras: str) -> None:
    """Install the wheel with these extras into an empty environment, and see what it can do there and what it costs.

    ``train-photos`` finds PyTorch where the development environment has it, since that takes gigabytes; pip still checks
    that what is found there satisfies the extra.
    """
    if extras == "train-photos":
        borrow(session, Path(".venv"))
    session.install("--quiet", f"{built_wheel()}[{extras}]" if extras else str(built_wheel()))
    session.install("--quiet", "--force-reinstall", "--no-deps", str(built_wheel()))
    site = Path("build/site").absolute()
    if extras == EXTRAS[0]:
        shutil.rmtree(site, ignore_errors=True)
    # Beside the repository's packages the installed ones would not be found.
    folder = Path(session.create_tmp()) / "site"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree("tests/installed", folder)
    (site / "data").mkdir(parents=True, exist_ok=True)
    with session.chdir(folder):
        session.run("python", "prove.py", extras, env={"SITE_DATA_DIR": str(site / "data")})


def built_wheel() -> Path:
    """Return the one wheel that ``wheel_build`` has built."""
    [found] = BUILT.absolute().glob("*.whl")
    return found


def borrow(session: nox.Session, environment: Path) -> None:
    """Let the session's environment see the packages of another one."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = (environment / "lib" / version / "site-packages").absolute()
    if packages.exists():
        own = Path(session.virtualenv.location) / "lib" / version / "site-packages"
        (own / "borrowed.pth").write_text(f"{packages}\n", encoding="utf-8")
