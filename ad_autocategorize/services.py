"""What the rest of a site calls: suggestions for a title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ad_autocategorize import registry
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.sources import AdSource, get_source
from ad_autocategorize.titles.scorer import Suggestion
from taxonomy.locking import current_version
from taxonomy.tree import CategoryTree

# In words rather than figures: calibrated, nine in ten of the "very likely" ones are right.
VERY_LIKELY = 0.9
LIKELY = 0.6


@dataclass(frozen=True, slots=True)
class PathStep:
    """One step of a suggested path; ``probability`` is that of the ad being filed at or under it."""

    id: int
    name: str
    probability: float


@dataclass(frozen=True, slots=True)
class CategorySuggestion:
    """A category offered for a title; ``value`` is what the host's own form takes for it."""

    category_id: int
    value: str
    path: tuple[PathStep, ...]
    probability: float

    @property
    def path_text(self) -> str:
        """The names along the path, for a person."""
        return " › ".join(step.name for step in self.path)

    @property
    def confidence(self) -> str:
        """``very_likely``, ``likely`` or ``maybe``."""
        if self.probability >= VERY_LIKELY:
            return "very_likely"
        return "likely" if self.probability >= LIKELY else "maybe"


@dataclass(frozen=True, slots=True)
class CategorySuggestions:
    """Suggestions, best first, and what they were made with, so that a client notices a change."""

    suggestions: tuple[CategorySuggestion, ...]
    model_version: str | None
    taxonomy_version: int


def suggest_categories(title: str, *, limit: int | None = None) -> CategorySuggestions:
    """Return up to ``limit`` categories for a title; none where no model is trained or the title says nothing.

    Categories that are inactive, deleted or unknown to the host are left out. Titles are cut at ``MAX_TITLE_LENGTH``.
    """
    return suggest_categories_for_many([title], limit=limit)[0]


def suggest_categories_for_many(titles: Sequence[str], *, limit: int | None = None) -> list[CategorySuggestions]:
    """Return the suggestions for each title, all made with one model and one state of the taxonomy."""
    tree, active_ids = _taxonomy(current_version())
    active = registry.active_scorer()
    if active is None:
        return [CategorySuggestions((), None, tree.version)] * len(titles)
    limit = limit or plugin_settings.SUGGESTION_COUNT
    source = get_source()
    cut = [title[: plugin_settings.MAX_TITLE_LENGTH] for title in titles]
    answers = active.scorer.suggest_many(cut, limit, active_ids) if len(cut) > 1 else None
    if answers is None:
        answers = [active.scorer.suggest(title, limit, active_ids) for title in cut]
    return [
        CategorySuggestions(
            tuple(_present(suggestion, tree, source) for suggestion in answer), active.version, tree.version
        )
        for answer in answers
    ]


@lru_cache(maxsize=2)
def _taxonomy(version: int) -> tuple[CategoryTree, frozenset[int]]:
    """Return the active tree as of a version; read again only when the version has changed."""
    tree = CategoryTree.load()
    return tree, frozenset(tree)


def _present(suggestion: Suggestion, tree: CategoryTree, source: AdSource) -> CategorySuggestion:
    category_id = suggestion.category
    # The path of today: a category may have moved since the model was trained.
    probabilities = dict(zip(suggestion.path, suggestion.path_probabilities, strict=True))
    ids, names = tree.path_ids(category_id), tree.path_names(category_id)
    steps = []
    for pk, name in zip(ids, names, strict=True):
        steps.append(PathStep(pk, name, probabilities.get(pk, suggestion.probability)))
    key = str(category_id) if source.uses_taxonomy else tree.external_id(category_id) or ""
    value = key if source.uses_taxonomy else source.form_value(key)
    return CategorySuggestion(category_id, value, tuple(steps), suggestion.probability)
