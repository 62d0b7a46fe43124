"""A category that a moderator names by typing."""

from __future__ import annotations

import re
import unicodedata
from itertools import islice

from django.utils.translation import gettext as _

from ad_autocategorize.moderation.queue.ads import path_text
from ad_autocategorize.moderation.queue.deciding import LONGEST_TYPED, ChoiceRefused
from taxonomy.tree import CategoryTree

# More paths than this make a page slow; the typed words are searched instead.
LISTED_AT_ONCE = 2000
MATCHES_SHOWN = 40
STEP = re.compile("[›>]")
# Each word is looked for in the path of every category.
MOST_WORDS = 20


def listed_paths(active: CategoryTree) -> list[str]:
    """Return the paths to choose from while typing; none of a tree too large for a page."""
    return [path_text(active, pk) for pk in active] if len(active) <= LISTED_AT_ONCE else []


def named_category(typed: str, active: CategoryTree) -> int:
    """Return the category with this path, or the only one whose path ends so. Raises ``ChoiceRefused``."""
    if len(typed) > LONGEST_TYPED:
        raise ChoiceRefused(_("This is too long for the path of a category."))
    wanted = _folded(STEP.split(typed))
    if not any(wanted):
        raise ChoiceRefused(_("Choose a category first."))
    ending = [pk for pk in active if _folded(active.path_names(pk))[-len(wanted) :] == wanted]
    whole = [pk for pk in ending if len(active.path_names(pk)) == len(wanted)]
    # As it is listed: names that differ in case or accents alone are told apart, and a name may hold the sign between steps.
    exact = [pk for pk in active if path_text(active, pk) == typed.strip()]
    for found in (exact, whole, ending):
        if len(found) == 1:
            return found[0]
    if ending or matching(typed, active):
        text = _("“%(typed)s” may be several categories: choose one of those below, or write the whole path.")
    else:
        text = _("No category in use has the words “%(typed)s” in its path: write fewer or others.")
    raise ChoiceRefused(text % {"typed": typed.strip()})


def matching(typed: str, active: CategoryTree) -> list[tuple[int, str]]:
    """Return the first categories whose paths have all typed words, whole or in part, with their paths."""
    words = _fold(STEP.sub(" ", typed[:LONGEST_TYPED])).split()[:MOST_WORDS]
    if not words:
        return []
    paths = ((pk, path_text(active, pk)) for pk in active)
    return list(islice(((pk, path) for pk, path in paths if _has_all(words, path)), MATCHES_SHOWN))


def _has_all(words: list[str], path: str) -> bool:
    folded = _fold(path)
    return all(word in folded for word in words)


def _folded(names: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_fold(name) for name in names)


def _fold(text: str) -> str:
    """Return the text without case, accents and further spaces, which nobody types twice alike."""
    letters = unicodedata.normalize("NFD", text.casefold())
    return " ".join("".join(sign for sign in letters if not unicodedata.combining(sign)).split())
