"""Filling the review queue: every published ad is judged by models that never saw it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date as Date
from datetime import datetime, time
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils import timezone

from ad_autocategorize.categories.label_weights import weigh_labels
from ad_autocategorize.categories.learned_words import learned_words
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.models import LabelIssue
from ad_autocategorize.moderation.labels.fingerprints import fingerprint
from ad_autocategorize.moderation.labels.places import follow_moved_categories
from ad_autocategorize.moderation.queue.searching import folded_title
from ad_autocategorize.moderation.queue.transactions import write_batch
from ad_autocategorize.moderation.search.car_checks import find_car_issues
from ad_autocategorize.moderation.search.categories import keep_together, without_others
from ad_autocategorize.moderation.search.doubts import Doubt, title_doubts, with_photos
from ad_autocategorize.moderation.search.health import Evidence, record_health
from ad_autocategorize.moderation.search.item_photos import with_item_photos
from ad_autocategorize.moderation.search.limiting import within_limit
from ad_autocategorize.moderation.search.witnesses import one_witness_each
from ad_autocategorize.sources import AdSource, LabelledTitle
from ad_autocategorize.sources.ads import ads_by_key, title_of
from ad_autocategorize.sources.languages import title_settings, training_languages
from ad_autocategorize.sources.registered import source_names
from ad_autocategorize.sources.source import require_ads
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.versions import training_lock
from ad_autocategorize.versions.locking import SEARCH
from taxonomy.tree import CategoryTree

if TYPE_CHECKING:
    # The training side; imported when a search runs.
    from ad_autocategorize.moderation.search.photo_reading import PhotoReader
    from ad_autocategorize.titles.label_errors.mislabels import LabelQuality
    from ad_autocategorize.titles.label_errors.near_identical import Neighbors
    from ad_autocategorize.titles.label_errors.out_of_fold import FoldScores

BATCH = 500
ALTERNATIVES = 5

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What ``find_label_issues`` is asked for.

    ``limit`` ads at most are queued anew; ``photos`` asks for car photos to be looked at.
    """

    folds: int = 4
    limit: int | None = None
    jobs: int = 1
    seed: int = 0
    photos: bool = False


@dataclass(slots=True)
class Result:
    """What a search found; ``remembered`` ads were approved of by a moderator and stay out of the queue.

    ``skipped`` counts the ads that were not judged by reason; ``findings`` are about the category tree, ``car_issues`` open
    contradictions of car fields.
    """

    ads: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    estimated_errors: int = 0
    opened: int = 0
    remembered: int = 0
    closed: int = 0
    findings: int = 0
    car_issues: int = 0


def find_label_issues(source: AdSource, request: Request, progress: Progress) -> Result:
    """Judge all published ads and bring the queue up to date.

    Raises ``TrainingError`` where the ads cannot be learned from, ``TrainingBusy`` while another search runs, ``SourceError``,
    ``LookupError`` without ``MODEL_DIR``, which holds the lock.
    """
    with training_lock(plugin_settings.model_dir, SEARCH) as lock:
        return _search(source, request, lock.telling(progress))


def _search(source: AdSource, request: Request, progress: Progress) -> Result:
    started = timezone.now()
    tree = CategoryTree.load(include_inactive=True)
    result = Result()
    photos = _photo_reader() if request.photos else None
    for language in training_languages():
        _search_language(source, language, tree, request, started, photos, result, progress)
    result.closed = _close(started, source, tree, photos_seen=request.photos)
    # Categories may have moved while the search ran.
    write_batch(follow_moved_categories)
    if source.name == source_names()[0]:
        result.car_issues = find_car_issues(source, timezone.now(), read_photos=photos.fields if photos else None)
    return result


def _search_language(
    source: AdSource,
    language: str,
    tree: CategoryTree,
    request: Request,
    started: datetime,
    photos: PhotoReader | None,
    result: Result,
    progress: Progress,
) -> None:
    """Judge the ads of one language, "" for all, and open their issues."""
    settings = title_settings(language)
    ads = _read_ads(source, settings, language, result)
    # Categories out of use are learned from where ads lie in them, but no ad is to go there.
    active = CategoryTree.load(scope=source.scope)
    judged = _judge(source, ads, (tree, active), language, request, progress)
    doubts = title_doubts(judged.quality)
    if photos is not None:
        doubts = with_photos(doubts, ads, judged.scores, judged.quality, source, photos.shows_car, active)
    doubts = within_limit(request.limit, _unsettled(source, doubts, ads, tree, result), ads, source)
    neighbors = {doubt.row: judged.neighbors[doubt.row] for doubt in doubts}
    now = timezone.now()
    result.ads += len({ad.ad_id for ad in ads})
    result.estimated_errors += judged.quality.estimated_errors
    update_queue(_issues(source, ads, doubts, judged, tree, now), started, result, source, tree)
    if language == training_languages()[0]:
        # What is said of the tree comes from the first language's ads.
        evidence = Evidence(ads, judged.scores, judged.quality, neighbors)
        result.findings = record_health(evidence, source, tree, settings, now)


def _read_ads(source: AdSource, settings: TitleSettings, language: str, result: Result) -> list[LabelledTitle]:
    from ad_autocategorize.titles.training.examples import tokenize

    ads = list(source.iter_titles(skipped=result.skipped, language=language or None))
    require_ads(source, len(ads), result.skipped)
    worded = tokenize([_title(ad) for ad in ads], settings)[1]
    result.skipped["nothing left of the title"] += len(ads) - len(worded)
    result.skipped = +result.skipped
    return [ads[row] for row in worded]


def _title(ad: LabelledTitle) -> str:
    return ad.title[: plugin_settings.MAX_TITLE_LENGTH]


def _photo_reader() -> PhotoReader:
    # Pillow and ONNX Runtime are extras: sites that only sort titles do without.
    from ad_autocategorize.moderation.search.photo_reading import PhotoReader

    return PhotoReader()


@dataclass(frozen=True, slots=True)
class _Judged:
    """What the folds, and titles that are nearly the same, said of all ads."""

    scores: FoldScores
    neighbors: list[Neighbors]
    quality: LabelQuality


def _judge(
    source: AdSource,
    ads: Sequence[LabelledTitle],
    trees: tuple[CategoryTree, CategoryTree],
    language: str,
    request: Request,
    progress: Progress,
) -> _Judged:
    """Judge the labels; of the two trees the second holds the active categories alone."""
    from ad_autocategorize.titles.label_errors.mislabels import judge_labels
    from ad_autocategorize.titles.label_errors.near_identical import filed_shares, find_near_identical
    from ad_autocategorize.titles.label_errors.out_of_fold import group_sellers, out_of_fold_scores

    settings = title_settings(language)
    titles, labels = [_title(ad) for ad in ads], weigh_labels(ads, source.name)
    several = any(ad.others for ad in ads)
    paths = [trees[0].path_ids(ad.category_id) for ad in ads]
    # Without a cap sellers are trusted as one another, as where one account posts most ads: nobody else could judge those.
    capped = plugin_settings.ADS_PER_SELLER is not None
    groups = group_sellers(titles, paths, labels.labellers, settings) if capped else None
    if several:
        groups = keep_together(ads, groups)
    scores = out_of_fold_scores(
        titles,
        paths,
        settings,
        learned=learned_words(ads, labels.labellers, settings),
        weights=labels.weights,
        groups=groups,
        folds=request.folds,
        seed=request.seed,
        jobs=request.jobs,
        explain=True,
        progress=progress,
    )
    scores = with_item_photos(source, language, ads, scores, labels.weights, progress)
    if several:
        scores = replace(scores, probabilities=without_others(ads, scores))
    suggestible = np.array([path[-1] in trees[1] for path in scores.categories])
    sellers = [_whose(ad) for ad in ads]
    near = find_near_identical(titles, range(len(ads)), settings, sellers=sellers)
    near = one_witness_each(near, [ad.seller for ad in ads], [ad.category_id for ad in ads])
    quality = judge_labels(
        scores.categories,
        scores.probabilities,
        scores.given,
        witnesses=scores.witnesses,
        dominated=scores.dominated,
        suggestible=suggestible,
        twins=filed_shares(near, scores.given, scores.fold_of),
    )
    return _Judged(scores, near, quality)


def _whose(ad: LabelledTitle) -> str:
    """Return whose ad it is: what an ad says twice, since it has two categories, is no second opinion either."""
    return ad.seller or (f"ad {ad.ad_id}" if ad.others else "")


def _unsettled(
    source: AdSource, doubts: Sequence[Doubt], ads: Sequence[LabelledTitle], tree: CategoryTree, result: Result
) -> list[Doubt]:
    """Return the doubts without those that a moderator settled, which must not fill a queue of limited length."""
    settled = LabelIssue.objects.filter(source=source.name).exclude(state=LabelIssue.State.OPEN)
    approved = dict(settled.values_list("ad_id", "fingerprint").iterator())
    found = [doubt for doubt in doubts if not _approved(ads[doubt.row], approved, tree)]
    result.remembered += len(doubts) - len(found)
    # Of an ad's several categories the most doubtful one is asked about, and the next one once that is settled.
    first: dict[Any, Doubt] = {}
    for doubt in found:
        first.setdefault(ads[doubt.row].ad_id, doubt)
    return list(first.values())


def _approved(ad: LabelledTitle, approved: dict[str, str], tree: CategoryTree) -> bool:
    known = approved.get(str(ad.ad_id))
    return known is not None and known == fingerprint(ad.title, ad.category_ids, tree)


def _issues(
    source: AdSource,
    ads: Sequence[LabelledTitle],
    doubts: Sequence[Doubt],
    judged: _Judged,
    tree: CategoryTree,
    now: datetime,
) -> Iterator[LabelIssue]:
    name = f"out-of-fold-{now:%Y%m%dT%H%M%SZ}"
    quality, categories = judged.quality, judged.scores.categories
    for doubt in doubts:
        row = doubt.row
        ad = ads[row]
        probabilities = judged.scores.probabilities[row]
        near = judged.neighbors[row]
        # What a seller thinks of his own further copies is no second opinion.
        alike = [ad.category_id in ads[other].category_ids for other in near.rows[: near.others].tolist()]
        yield LabelIssue(
            ad_id=str(ad.ad_id),
            source=source.name,
            kind=doubt.kind,
            given_id=ad.category_id,
            suggested_id=categories[doubt.suggested][-1],
            branch_id=tree.path_ids(ad.category_id)[0],
            level=doubt.level,
            priority=doubt.score,
            given_probability=float(quality.given_probability[row]),
            suggested_probability=float(probabilities[doubt.suggested]),
            alternatives=[
                [categories[i][-1], round(float(probabilities[i]), 4)]
                for i in np.argsort(-probabilities)[:ALTERNATIVES]
            ],
            words=judged.scores.words.get(row, []),
            neighbors=[str(ads[other].ad_id) for other in near.rows.tolist() if ads[other].ad_id != ad.ad_id],
            agreement=sum(alike) / len(alike) if alike else None,
            seller=ad.seller,
            ad_date=_moment(ad.date),
            fingerprint=fingerprint(ad.title, ad.category_ids, tree),
            folded_title=folded_title(ad.title),
            model=name,
            found_at=now,
        )


def update_queue(
    found: Iterable[LabelIssue], started: datetime, result: Result, source: AdSource, tree: CategoryTree
) -> None:
    """Open the issues found, but those that a moderator settled.

    What moderators have done since the search read the ads is not undone; rows are changed under their version.
    """
    for batch in _batches(found):
        opened, remembered = write_batch(partial(_open, batch, source, tree))
        result.opened += opened
        result.remembered += remembered


def _open(batch: Sequence[LabelIssue], source: AdSource, tree: CategoryTree) -> tuple[int, int]:
    """Open the issues of a batch, and return how many were opened and how many a moderator had settled."""
    keys = [issue.ad_id for issue in batch]
    rows = LabelIssue.objects.select_for_update().filter(source=source.name, ad_id__in=keys).order_by("pk")
    known = {row.ad_id: row for row in rows}
    new = [issue for issue in batch if issue.ad_id not in known]
    LabelIssue.objects.bulk_create(new)
    again = [(issue, known[issue.ad_id]) for issue in batch if issue.ad_id in known]
    settled = _settled(again, source, tree)
    changed = [_renew(old, issue) for issue, old in again if issue.ad_id not in settled]
    LabelIssue.objects.bulk_update(changed, _RENEWED)
    return len(new) + len(changed), len(settled)


def _settled(again: Sequence[tuple[LabelIssue, LabelIssue]], source: AdSource, tree: CategoryTree) -> set[str]:
    """Return the keys of the ads that a moderator decided about and that are as he left them, from what was found and known."""
    decided = [(issue, old) for issue, old in again if old.state != LabelIssue.State.OPEN]
    kept = {issue.ad_id for issue, old in decided if issue.fingerprint == old.fingerprint}
    doubted = [issue for issue, _old in decided if issue.ad_id not in kept]
    ads = ads_by_key([issue.ad_id for issue in doubted], source)
    # Another title or category than the search read has been written since: by the moderator, or for the next search.
    return kept | {
        issue.ad_id for issue in doubted if _as_it_is(ads.get(issue.ad_id), source, tree) != issue.fingerprint
    }


def _as_it_is(ad: Any, source: AdSource, tree: CategoryTree) -> str | None:
    category_ids = () if ad is None else source.filed_at_ids(ad, tree)
    return fingerprint(title_of(ad, source).strip(), category_ids, tree) if category_ids else None


def _close(started: datetime, source: AdSource, tree: CategoryTree, *, photos_seen: bool) -> int:
    """Delete the open issues that were not found again, and return how many there were.

    What photos alone had said stays while nobody looks at photos and the ad is as it was.
    """
    closed, last = 0, 0
    while True:
        seen, deleted, last = write_batch(partial(_close_batch, started, last, source, tree, photos_seen=photos_seen))
        closed += deleted
        if not seen:
            return closed


def _close_batch(
    started: datetime, last: int, source: AdSource, tree: CategoryTree, *, photos_seen: bool
) -> tuple[int, int, int]:
    """Close issues behind the key ``last``; return how many were looked at, how many closed, and the key to go on behind."""
    issues_of = LabelIssue.objects.filter(source=source.name, state=LabelIssue.State.OPEN)
    stale = issues_of.filter(found_at__lt=started, pk__gt=last).order_by("pk")
    # Locked, since one that is decided at this moment has to stay.
    issues = list(stale.select_for_update()[:BATCH])
    if not issues:
        return 0, 0, last
    shown = [] if photos_seen else [issue for issue in issues if issue.kind == LabelIssue.Kind.PHOTO]
    ads = ads_by_key([issue.ad_id for issue in shown], source)
    kept = [issue.pk for issue in shown if _as_it_is(ads.get(issue.ad_id), source, tree) == issue.fingerprint]
    LabelIssue.objects.filter(pk__in={issue.pk for issue in issues} - set(kept)).delete()
    return len(issues), len(issues) - len(kept), issues[-1].pk


_RENEWED = [
    "state", "kind", "given", "suggested", "branch", "level", "priority", "given_probability", "suggested_probability",
    "alternatives", "words", "neighbors", "agreement", "seller", "ad_date", "fingerprint", "folded_title", "model", "found_at",
    "version", "decided_at", "decided_by",
]  # fmt: skip
# The ad's title and what is asked about it: whoever has seen another decides about nothing.
_SHOWN = ["state", "given_id", "suggested_id", "fingerprint"]


def _renew(old: LabelIssue, found: LabelIssue) -> LabelIssue:
    """Give the row what was found now; whoever has the old state before him is told when he decides."""
    unchanged = all(getattr(old, name) == getattr(found, name) for name in _SHOWN)
    version = old.version if unchanged else old.version + 1
    found.pk, found.version = old.pk, version
    return found


def _batches(issues: Iterable[LabelIssue]) -> Iterator[Sequence[LabelIssue]]:
    iterator = iter(issues)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _moment(date: datetime | Date | None) -> datetime | None:
    if date is None or isinstance(date, datetime):
        return date
    return timezone.make_aware(datetime.combine(date, time()))
