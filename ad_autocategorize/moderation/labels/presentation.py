"""What the review page shows of an ad: its photos, the paths side by side, near-identical ads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext as _

from ad_autocategorize.models import LabelIssue
from ad_autocategorize.moderation.labels.fingerprints import is_titled
from ad_autocategorize.moderation.queue.ads import ad_url, description_of, path_text, price_of
from ad_autocategorize.sources import AdSource, SourceError, get_source
from ad_autocategorize.sources.ads import ads_by_key, first_photos, photo_urls, title_of
from ad_autocategorize.sources.languages import title_settings, training_languages
from ad_autocategorize.titles.normalization import filler_words, find_words, fold
from taxonomy.tree import CategoryTree

CLUSTER_SHOWN = 12
# Less likely categories are no alternative; who wants one of them types it.
LEAST_CHANCE = 0.05
# Of the weight of the word that decided most: lighter ones are noise.
LEAST_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Step:
    """A category of a path; ``parts`` says that the other path does not share it."""

    name: str
    parts: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A category that the models thought of, and the probability they gave it."""

    category_id: int
    path: str
    probability: float


@dataclass(frozen=True, slots=True)
class Neighbor:
    """A near-identical ad; ``photo`` is the address of its first photo, where ads are compared by their photos."""

    title: str
    path: str
    url: str
    filed_alike: bool
    seller: str
    photo: str = ""


@dataclass(frozen=True, slots=True)
class LabelPage:
    """An issue with all that its page shows.

    Attributes
    ----------
    filed, suggested : the path of the ad as it is now, and the suggested one.
    also : the paths of the ad's further categories.
    choices : other categories that the models thought of.
    neighbors : near-identical ads.
    same_photos : ads that show nearly the same photo and are filed elsewhere.
    opinions : what photos and title each find most probable, both where photos were heard, else nothing.
    words : the words that decided, each with its weight.
    can_accept : whether the ad may be filed as suggested.
    is_given : whether the ad is still at the category that the issue doubts.
    has_changed : whether the issue is open, but the ad has another title or category since.
    """

    issue: LabelIssue
    title: str
    url: str
    photos: tuple[str, ...]
    description: str
    price: str
    filed: tuple[Step, ...]
    suggested: tuple[Step, ...]
    also: tuple[str, ...]
    choices: tuple[Choice, ...]
    neighbors: tuple[Neighbor, ...]
    same_photos: tuple[Neighbor, ...]
    opinions: Mapping[str, Choice]
    words: tuple[tuple[str, float], ...]
    can_accept: bool
    is_given: bool
    has_changed: bool

    @property
    def question(self) -> str:
        """Where the ad is filed and where it may belong, in one sentence of what differs; safe HTML."""
        shared, filed, suggested = parted(self.filed, self.suggested)
        if shared and filed and suggested:
            text = _("Within {shared}: filed under {filed}, looks like {suggested}.")
        elif suggested and filed:
            text = _("Filed under {filed}, looks like {suggested}.")
        elif suggested:
            text = _("Filed at {shared}, seems to belong further down, under {suggested}.")
        elif filed:
            text = _("Filed under {filed}, seems to belong further up, at {shared}.")
        else:
            text = _("Filed at {shared}.")
        return format_html(
            text, shared=shared, filed=_marked("filed", filed), suggested=_marked("suggested", suggested)
        )

    @property
    def filed_text(self) -> str:
        """The whole path of the ad as it is now."""
        return " › ".join(step.name for step in self.filed)

    @property
    def single_witness(self) -> str:
        """The account that files all the near-identical ads which lie elsewhere; empty where there are several or none."""
        elsewhere = {neighbor.seller for neighbor in self.neighbors if not neighbor.filed_alike}
        return elsewhere.pop() if len(elsewhere) == 1 else ""


def paths_side_by_side(tree: CategoryTree, *two: int | None) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Return the paths of two categories, marked from where they part; empty for one that is not in the tree."""
    first, second = (tree.path_names(pk) if pk is not None and pk in tree else () for pk in two)
    return _steps(first, second), _steps(second, first)


def present(issue: LabelIssue, tree: CategoryTree, active: CategoryTree) -> LabelPage | None:
    """Return what an issue's page shows; ``None`` where the ad is gone. Only categories of ``active`` are offered."""
    source = get_source()
    ad = ads_by_key([issue.ad_id], source).get(issue.ad_id)
    if ad is None:
        return None
    title, category_ids = title_of(ad, source), _categories_of(ad, issue, source, tree)
    is_given = issue.given_id in category_ids
    category_id = issue.given_id if is_given else next(iter(category_ids), None)
    can_accept = issue.has_answer and issue.suggested_id in active
    # Keeping and accepting have keys of their own.
    has_key = (issue.given_id, issue.suggested_id) if can_accept else (issue.given_id,)
    filed, suggested = paths_side_by_side(tree, category_id, issue.suggested_id)
    return LabelPage(
        issue,
        title,
        ad_url(ad),
        tuple(photo_urls(ad, source)),
        description_of(ad, source),
        price_of(ad, source),
        filed,
        suggested,
        tuple(path_text(tree, pk) for pk in category_ids if pk != category_id),
        tuple(
            Choice(pk, path_text(tree, pk), p)
            for pk, p in issue.alternatives
            if p >= LEAST_CHANCE and pk in active and pk not in (*has_key, *category_ids)
        ),
        tuple(_neighbors(issue, source, tree)),
        tuple(_same_photos(issue, source, tree)),
        {view: Choice(pk, path_text(tree, pk), p) for view, pk, p in issue.opinions},
        tuple(_telling_words(issue)),
        can_accept=can_accept,
        is_given=is_given,
        has_changed=issue.state == issue.State.OPEN and not (is_given and is_titled(issue, title)),
    )


def parted(filed: tuple[Step, ...], suggested: tuple[Step, ...]) -> tuple[str, str, str]:
    """Return what two paths, as ``paths_side_by_side`` gives them, share, and the rest of each, as texts."""
    shared = [step.name for step in filed if not step.parts]
    rests = ([step.name for step in path if step.parts] for path in (filed, suggested))
    return (" › ".join(shared), *(" › ".join(rest) for rest in rests))  # type: ignore[return-value]


def _marked(side: str, path: str) -> str:
    return format_html('<strong class="review-{}">{}</strong>', side, path) if path else ""


def _telling_words(issue: LabelIssue) -> Iterator[tuple[str, float]]:
    """Yield the words that decided; those that stand in titles of any kind are no reason, whatever weight they got."""
    filler = frozenset[str]().union(*(filler_words(title_settings(language)) for language in training_languages()))
    heaviest = max((abs(weight) for _word, weight in issue.words), default=0.0)
    for word, weight in issue.words:
        tokens = find_words(fold(word))
        if abs(weight) >= LEAST_SHARE * heaviest and any(len(token) > 1 and token not in filler for token in tokens):
            yield word, weight


def _categories_of(ad: Any, issue: LabelIssue, source: AdSource, tree: CategoryTree) -> tuple[int, ...]:
    try:
        return source.filed_at_ids(ad, tree)
    except SourceError:
        # The page still opens; the decision itself fails with the source's message.
        return (issue.given_id,)


def _steps(path: tuple[str, ...], other: tuple[str, ...]) -> tuple[Step, ...]:
    return tuple(Step(name, path[: i + 1] != other[: i + 1]) for i, name in enumerate(path))


def _neighbors(issue: LabelIssue, source: AdSource, tree: CategoryTree) -> Iterator[Neighbor]:
    for ad in ads_by_key(issue.neighbors[:CLUSTER_SHOWN], source).values():
        neighbor = _neighbor(ad, issue, source, tree)
        if neighbor is not None:
            yield neighbor


def _same_photos(issue: LabelIssue, source: AdSource, tree: CategoryTree) -> Iterator[Neighbor]:
    """Yield the ads with nearly the same photo that still have one, and are still filed elsewhere."""
    found = ads_by_key(issue.same_photos[:CLUSTER_SHOWN], source)
    photos = first_photos(list(found.values()), source)
    for ad in found.values():
        neighbor = _neighbor(ad, issue, source, tree, photos.get(ad.pk, ""))
        if neighbor is not None and neighbor.photo and not neighbor.filed_alike:
            yield neighbor


def _neighbor(ad: Any, issue: LabelIssue, source: AdSource, tree: CategoryTree, photo: str = "") -> Neighbor | None:
    """Return an ad as it is shown beside an issue's; ``None`` where its category cannot be found out."""
    try:
        category_ids = source.filed_at_ids(ad, tree)
    except SourceError:
        return None
    path = "; ".join(path_text(tree, pk) for pk in category_ids)
    seller = str(source.value_of(ad, "seller") or "")
    return Neighbor(title_of(ad, source), path, ad_url(ad), issue.given_id in category_ids, seller, photo)
