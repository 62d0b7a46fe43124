"""What the codes of an evaluation are called for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

DROPPED: dict[str, Promise] = {
    "no title": _("without a title"),
    "no category": _("without a category"),
    "no date": _("without a date that could be read, though only newer ads were asked for"),
    "older than asked for": _("older than asked for"),
    "category not in the taxonomy": _("filed in a category that the taxonomy does not hold"),
    "in another language": _("in another language than the one that is learned"),
    "not drawn": _("beyond those drawn by chance for the quick evaluation (--full takes all)"),
    "nothing left of the title": _("with a title in which no word is left after cleaning (signs only, for example)"),
}

NODES: dict[str, Promise] = {
    "one_outcome": _("all its ads go on to the same category: there is nothing to choose"),
    "few_ads": _("too few ads to learn from: it answers with how often each category occurs"),
    "no_ads": _("no ad has passed through it"),
}

PRESETS: dict[str, Promise] = {"quick": _("quick"), "full": _("full")}

CLASSIFIERS: dict[str, Promise] = {
    "LinearSVC": _("Linear support vector machine"),
    "MultinomialNB": _("Naive Bayes"),
    "DecisionTreeClassifier": _("Decision tree"),
    "LogisticRegression": _("Logistic regression"),
}

STAGES: dict[str, Promise] = {
    "twins": _("looking for near-identical titles"),
    "hold_out": _("training on two thirds, testing on one"),
    "without_copies": _("the same with near-identical titles kept together"),
    "temporal": _("training on earlier ads, testing on later ones"),
    "classifiers": _("comparing four classifiers"),
    "flat": _("comparing with one flat classifier"),
    "learning_curve": _("learning curve"),
}


def label(labels: Mapping[str, Promise], code: str) -> str:
    """Return the text for a code, or the code itself: a marketplace's source may give reasons of its own."""
    return str(labels.get(code, code))


def joins_flat_scores(settings: Mapping[str, Any]) -> bool:
    """Return whether the title settings make the cascade's scores one of several."""
    return bool(settings["naive_bayes_weight"] or settings["flat_svc_weight"])
