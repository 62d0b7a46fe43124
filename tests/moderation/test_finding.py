"""Searches: what they leave out, and what moderators do while they run."""

import os
import subprocess
import sys

import pytest
from django.core.management import CommandError

from ad_autocategorize.models import LabelIssue
from ad_autocategorize.moderation import finding
from ad_autocategorize.moderation.review import Reviewer, accept, keep
from ad_autocategorize.retraining import only_one
from marketplace.models import Ad
from tests.moderation.conftest import find_mislabels

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.mark.parametrize("decide", [accept, keep])
def test_what_is_decided_while_a_search_runs_stays_decided(sofa_issue, moderators, monkeypatch, decide):
    judge = finding._judge

    def judge_slowly(*arguments):
        judged = judge(*arguments)
        decide(LabelIssue.objects.get(pk=sofa_issue.pk), Reviewer(moderators[0]))
        return judged

    monkeypatch.setattr(finding, "_judge", judge_slowly)
    find_mislabels()
    issue = LabelIssue.objects.get(pk=sofa_issue.pk)
    assert issue.state == {accept: "relabelled", keep: "kept"}[decide]
    assert issue.decided_by == moderators[0]


def test_only_one_search_runs_at_a_time(mislabelled, model_dir):
    with only_one(model_dir, finding.LOCK_NAME), pytest.raises(CommandError, match="Another search"):
        find_mislabels()
    assert "Open in the review queue: 2" in find_mislabels()


def test_ads_that_are_not_judged_are_counted(mislabelled):
    Ad.objects.filter(pk=Ad.objects.first().pk).update(title=" ")
    assert "Not judged: 1 ads, no title." in find_mislabels()


def test_photos_without_a_model_in_service_are_said_to_say_nothing(mislabelled, capsys):
    find_mislabels("--photos")
    assert "retrain_cnn" in capsys.readouterr().err


WITHOUT_PHOTOS = """
import sys, django
for name in ("PIL", "onnxruntime", "torch"):
    sys.modules[name] = None
django.setup()
import ad_autocategorize.management.commands.find_mislabels, ad_autocategorize.moderation.admin
print("fine")
"""


def test_a_search_of_titles_alone_needs_none_of_the_libraries_for_photos():
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_PHOTOS], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "fine"
