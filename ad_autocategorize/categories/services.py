"""What the rest of a site calls: suggestions for a title."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ad_autocategorize import registry
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.confidence import FIRST_OFFER, FURTHER_OFFER, LEAST_LIFT, LIKELY, Confidence, in_words
from ad_autocategorize.metrics import NO_MODEL, NOTHING, SUGGESTED, count_suggestions
from ad_autocategorize.photos.uploads.limits import MOST_PHOTOS
from ad_autocategorize.sources import AdSource, get_source
from ad_autocategorize.sources.languages import serving_language, shown_language
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.scorer import Suggestion, TitleScorer
from taxonomy.locking import current_version, recent_version
from taxonomy.tree import PATH_SEPARATOR, CategoryTree

if TYPE_CHECKING:
    from PIL.Image import Image


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
        return PATH_SEPARATOR.join(step.name for step in self.path)

    @property
    def leaf(self) -> str:
        """The name of the category itself, which the eye is to meet first."""
        return self.path[-1].name

    @property
    def above(self) -> str:
        """The names above it, for a person; an empty text for a main category."""
        return " › ".join(step.name for step in self.path[:-1])

    @property
    def confidence(self) -> Confidence:
        """The probability in words."""
        return in_words(self.probability)


@dataclass(frozen=True, slots=True)
class CategorySuggestions:
    """Suggestions, best first, and what they were made with, so that a client notices a change.

    ``is_stale`` says that the database is away, and that they were made with what the process has in memory.
    """

    suggestions: tuple[CategorySuggestion, ...]
    model_version: str | None
    taxonomy_version: int
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class PhotoSuggestions(CategorySuggestions):
    """Suggestions by title and photos together, and what each said alone; ``photos_used`` photos were looked at."""

    by_title: tuple[CategorySuggestion, ...] = ()
    by_photos: tuple[CategorySuggestion, ...] = ()
    photos_used: int = 0


def suggest_categories(title: str, *, limit: int | None = None, photos: Sequence[Image] = ()) -> CategorySuggestions:
    """Return up to ``limit`` categories for a title; none where no model is trained or the model does not know.

    Decoded ``photos`` of the ad are looked at too where the model in service has learned from photos: the answer is one of
    ``PhotoSuggestions`` then, and else the title's alone.

    It does not know where the best category is not probable, or hardly more so than for a title that says nothing. Categories
    that are inactive, deleted or unknown to the host are left out, and so are further offers that stand no chance.
    Titles are cut at ``MAX_TITLE_LENGTH``.
    """
    if photos:
        began = time.perf_counter()
        heard = _suggest_with_photos(title, limit, photos)
        if heard is not None:
            _count("item_photos", [heard], began)
            return heard
    return suggest_categories_for_many([title], limit=limit)[0]


def hears_photos() -> bool:
    """Return whether the model in service has learned from photos."""
    active = registry.active_scorer(get_source().name, serving_language())
    return active is not None and active.photos is not None


def _suggest_with_photos(title: str, limit: int | None, photos: Sequence[Image]) -> PhotoSuggestions | None:
    """Return suggestions by title and photos; ``None`` where photos are not heard."""
    source = get_source()
    active = registry.active_scorer(source.name, serving_language())
    embedder = registry.embedder_of(active.photos) if active is not None and active.photos is not None else None
    if active is None or active.photos is None or embedder is None:
        return None
    tree, active_ids = _taxonomy(recent_version(), source.scope, shown_language())
    used = photos[:MOST_PHOTOS]
    opinions = active.photos.suggest(
        active.scorer,
        title[: plugin_settings.MAX_TITLE_LENGTH],
        embedder.embed(used),
        limit or plugin_settings.SUGGESTION_COUNT,
        active_ids,
    )
    prior = _prior(active.scorer)
    together, by_title, by_photos = (
        tuple(_present(offer, tree, source) for offer in worth_offering(ranked, prior))
        for ranked in (opinions.together, opinions.title, opinions.photos)
    )
    is_stale = registry.scorer_state(source.name, serving_language()).is_stale
    return PhotoSuggestions(together, active.version, tree.version, is_stale, by_title, by_photos, len(used))


def suggest_categories_for_many(titles: Sequence[str], *, limit: int | None = None) -> list[CategorySuggestions]:
    """Return the suggestions for each title, all made with one model and one state of the taxonomy."""
    began = time.perf_counter()
    answers = _suggest_for_many(titles, limit)
    _count("titles", answers, began)
    return answers


def _count(kind: str, answers: Sequence[CategorySuggestions], began: float) -> None:
    outcomes = [
        NO_MODEL if answer.model_version is None else SUGGESTED if answer.suggestions else NOTHING for answer in answers
    ]
    stale = any(answer.is_stale for answer in answers)
    count_suggestions(kind, outcomes, time.perf_counter() - began, stale=stale)


def _suggest_for_many(titles: Sequence[str], limit: int | None) -> list[CategorySuggestions]:
    source = get_source()
    tree, active_ids = _taxonomy(recent_version(), source.scope, shown_language())
    active = registry.active_scorer(source.name, serving_language())
    is_stale = registry.scorer_state(source.name, serving_language()).is_stale
    if active is None:
        return [CategorySuggestions((), None, tree.version, is_stale)] * len(titles)
    limit = limit or plugin_settings.SUGGESTION_COUNT
    cut = [title[: plugin_settings.MAX_TITLE_LENGTH] for title in titles]
    answers = active.scorer.suggest_many(cut, limit, active_ids) if len(cut) > 1 else None
    if answers is None:
        answers = [active.scorer.suggest(title, limit, active_ids) for title in cut]
    prior = _prior(active.scorer)
    return [
        CategorySuggestions(
            tuple(_present(offer, tree, source) for offer in worth_offering(answer, prior)),
            active.version,
            tree.version,
            is_stale,
        )
        for answer in answers
    ]


def worth_offering(ranked: Sequence[Suggestion], prior: Mapping[Path, float]) -> list[Suggestion]:
    """Return the best and, of the others, those that stand a chance; nothing where the model does not know.

    ``prior`` gives the probability of each category by its path, for a title that says nothing.
    """
    if not ranked:
        return []
    first, *others = ranked
    if first.probability < max(FIRST_OFFER, min(LEAST_LIFT * prior[first.path], LIKELY)):
        return []
    return [first, *(offer for offer in others if offer.probability >= max(FURTHER_OFFER, prior[offer.path]))]


_priors: WeakKeyDictionary[TitleScorer, dict[Path, float]] = WeakKeyDictionary()


def _prior(scorer: TitleScorer) -> dict[Path, float]:
    """Return what the model says of a title of which it knows no word, worked out once."""
    found = _priors.get(scorer)
    if found is None:
        found = dict(zip(scorer.tree.categories, scorer.priors.tolist(), strict=True))
        _priors[scorer] = found
    return found


def active_tree() -> CategoryTree:
    """Return the tree of the active categories, read again only when it has changed."""
    return _taxonomy(current_version(), get_source().scope, shown_language())[0]


def form_value(pk: int, tree: CategoryTree, source: AdSource) -> str:
    """Return what the category field of the host's form takes for a category of the tree."""
    return source.value_in_form(pk, tree)


def category_of_value(value: str, tree: CategoryTree, source: AdSource) -> int | None:
    """Return the category of the tree that the host's form takes ``value`` for, the reverse of ``form_value``."""
    return next((pk for pk in tree if form_value(pk, tree, source) == value), None) if value else None


@lru_cache(maxsize=16)
def _taxonomy(version: int, scope: str, language: str) -> tuple[CategoryTree, frozenset[int]]:
    """Return the active tree of a scope as of a version; read again only when the version has changed."""
    tree = CategoryTree.load(scope=scope, language=language)
    return tree, frozenset(tree)


def _present(suggestion: Suggestion, tree: CategoryTree, source: AdSource) -> CategorySuggestion:
    category_id = suggestion.category
    # The path of today: a category may have moved since the model was trained.
    probabilities = dict(zip(suggestion.path, suggestion.path_probabilities, strict=True))
    ids, names = tree.path_ids(category_id), tree.path_names(category_id)
    steps = []
    for pk, name in zip(ids, names, strict=True):
        steps.append(PathStep(pk, name, probabilities.get(pk, suggestion.probability)))
    value = form_value(category_id, tree, source)
    return CategorySuggestion(category_id, value, tuple(steps), suggestion.probability)
