import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ad_autocategorize.checks import check_settings
from ad_autocategorize.conf import SETTING
from ad_autocategorize.extras import EXTRA_OF, missing_extra

ROOT = Path(__file__).resolve().parents[2]
# Runs a command where the libraries named first are not installed.
WITHOUT = """
import sys
from importlib.abc import MetaPathFinder
absent = sys.argv[1].split(",")
class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", *sys.argv[2:]])
"""


def run_without(libraries, *command):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, libraries, *command],
        cwd=ROOT,
        env={"DJANGO_SETTINGS_MODULE": "tests.settings", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("command", ["retrain_classifiers", "find_mislabels", "evaluate_classifiers"])
def test_help_needs_no_extra(command):
    told = run_without("sklearn,tqdm,cleanlab,joblib,PIL,onnxruntime,torch", command, "--help")
    assert (told.returncode, told.stderr) == (0, "")
    assert "usage" in told.stdout


@pytest.mark.parametrize(("command", "library"), [("retrain_classifiers", "sklearn"), ("find_mislabels", "cleanlab")])
def test_a_command_without_its_extra_says_in_one_sentence_what_to_install(command, library, trained, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(CommandError) as told:
        call_command(command)
    assert str(told.value) == (
        f"{library} is not installed. It comes with: pip install 'django-ad-autocategorize[train]'"
    )


def test_a_failed_import_that_is_no_extra_is_left_to_its_own_error():
    assert missing_extra(ModuleNotFoundError("No module named 'nowhere'", name="nowhere")) is None
    assert missing_extra(ImportError("cannot import name 'x' from 'torch'", name="torch")) is None
    assert "[train]" in missing_extra(ModuleNotFoundError("", name="sklearn.svm"))


@pytest.mark.parametrize("library", EXTRA_OF)
def test_what_is_said_to_bring_a_library_is_installed_for_the_tests(library):
    importlib.import_module(library)


def test_a_site_without_the_api_is_told_nothing_of_its_classes(settings):
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "rest_framework"]
    setattr(settings, SETTING, {**getattr(settings, SETTING), "API_PERMISSIONS": ["rest_framework.nowhere.Nobody"]})
    assert not any("API_" in message.msg for message in check_settings())
