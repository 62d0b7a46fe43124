"""Spanish and Portuguese are whole: every text of the code as it is now, not only those collected some day."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.utils import translation

ROOT = Path(__file__).parent.parent
LANGUAGES = ("es", "pt")


@pytest.mark.skipif(not shutil.which("msgattrib"), reason="gettext is not installed: apt-get install gettext")
@pytest.mark.parametrize("app", ["taxonomy", "ad_autocategorize", "marketplace"])
def test_no_text_is_untranslated(app, tmp_path):
    copy = tmp_path / app
    shutil.copytree(ROOT / app, copy, ignore=shutil.ignore_patterns("__pycache__"))
    chosen = [option for language in LANGUAGES for option in ("-l", language)]
    command = [sys.executable, "-m", "django", "makemessages", *chosen, "--no-location"]
    # As make does: the command needs no project.
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    subprocess.run(command, cwd=copy, env=environment, check=True)
    for language in LANGUAGES:
        catalog = copy / "locale" / language / "LC_MESSAGES" / "django.po"
        subprocess.run(["msgfmt", "--check", "-o", tmp_path / "checked.mo", catalog], check=True)
        for lacking in ("--untranslated", "--only-fuzzy"):
            found = subprocess.run(["msgattrib", lacking, catalog], check=True, capture_output=True, text=True).stdout
            # The head of a catalog is always there.
            assert found.count("\nmsgid ") <= 1, f"{language}: {found}"


@pytest.mark.django_db
@pytest.mark.parametrize("accepted", ["pt-BR", "pt-PT", "pt"])
def test_one_catalog_serves_every_portuguese(client, accepted):
    page = client.get("/", headers={"accept-language": accepted}).content.decode()
    assert 'lang="pt-br"' in page
    assert "Publicar um anúncio" in page
    assert "Português" in page


@pytest.mark.parametrize("language", ["pt", "pt-br"])
def test_hosts_may_call_it_either(language):
    with translation.override(language):
        assert translation.gettext("Suggest category") == "Sugerir categoria"
