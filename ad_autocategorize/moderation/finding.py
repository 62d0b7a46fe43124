"""Filling the review queue: every published ad is judged by models that never saw it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date as Date
from datetime import datetime, time
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.moderation.car_checks import find_car_issues
from ad_autocategorize.moderation.doubts import Doubt, title_doubts, with_photos
from ad_autocategorize.moderation.models import LabelIssue
from ad_autocategorize.moderation.review import fingerprint
from ad_autocategorize.moderation.taxonomy_health import Evidence, record_health
from ad_autocategorize.retraining import only_one
from ad_autocategorize.sources import AdSource, LabelledTitle
from ad_autocategorize.titles.settings import TitleSettings
from taxonomy.tree import CategoryTree

if TYPE_CHECKING:
    # The training side; imported when a search runs.
    from ad_autocategorize.moderation.photo_reading import PhotoReader
    from ad_autocategorize.titles.mislabels import LabelQuality
    from ad_autocategorize.titles.near_identical import Neighbors
    from ad_autocategorize.titles.out_of_fold import FoldScores

LOCK_NAME = ".search.lock"
BATCH = 500
ALTERNATIVES = 5

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What ``find_label_issues`` is asked for; ``limit`` is the longest queue, ``photos`` asks for car photos to be looked at."""

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
    with only_one(plugin_settings.model_dir, LOCK_NAME):
        return _search(source, request, progress)


def _search(source: AdSource, request: Request, progress: Progress) -> Result:
    settings, started = TitleSettings.from_dict(plugin_settings.TITLES), timezone.now()
    tree = CategoryTree.load(include_inactive=True)
    result = Result()
    ads = list(source.iter_titles(skipped=result.skipped))
    judged = _judge(ads, tree, settings, request, progress)
    doubts, photos = title_doubts(judged.quality), _photo_reader() if request.photos else None
    if photos is not None:
        doubts = with_photos(doubts, ads, judged.scores, judged.quality, source, photos.shows_car)
    # Categories out of use are learned from where ads lie in them, but no ad is to go there.
    active, categories = CategoryTree.load(), judged.scores.categories
    doubts = [doubt for doubt in doubts if categories[doubt.suggested][-1] in active][: request.limit]
    neighbors = _neighbors(ads, doubts, settings)
    now = timezone.now()
    result.ads, result.estimated_errors = len(ads), judged.quality.estimated_errors
    update_queue(_issues(ads, doubts, judged, neighbors, tree, now), started, result)
    evidence = Evidence(ads, judged.scores, judged.quality, neighbors)
    result.findings = record_health(evidence, tree, settings, now)
    result.car_issues = find_car_issues(source, now, read_photos=photos.fields if photos else None)
    return result


def _photo_reader() -> PhotoReader:
    # Pillow and ONNX Runtime are extras: sites that only sort titles do without.
    from ad_autocategorize.moderation.photo_reading import PhotoReader

    return PhotoReader()


@dataclass(frozen=True, slots=True)
class _Judged:
    """What the folds said of all ads."""

    scores: FoldScores
    quality: LabelQuality


def _judge(
    ads: Sequence[LabelledTitle], tree: CategoryTree, settings: TitleSettings, request: Request, progress: Progress
) -> _Judged:
    from ad_autocategorize.titles.mislabels import judge_labels
    from ad_autocategorize.titles.out_of_fold import out_of_fold_scores

    titles = [ad.title[: plugin_settings.MAX_TITLE_LENGTH] for ad in ads]
    paths = [tree.path_ids(ad.category_id) for ad in ads]
    options: dict[str, Any] = {"folds": request.folds, "seed": request.seed, "jobs": request.jobs}
    scores = out_of_fold_scores(titles, paths, settings, **options, explain=True, progress=progress)
    return _Judged(scores, judge_labels(scores.categories, scores.probabilities, scores.given))


def _neighbors(ads: Sequence[LabelledTitle], doubts: Sequence[Doubt], settings: TitleSettings) -> dict[int, Neighbors]:
    from ad_autocategorize.titles.near_identical import find_near_identical

    rows = [doubt.row for doubt in doubts]
    titles = [ad.title[: plugin_settings.MAX_TITLE_LENGTH] for ad in ads]
    return dict(zip(rows, find_near_identical(titles, rows, settings), strict=True))


def _issues(
    ads: Sequence[LabelledTitle],
    doubts: Sequence[Doubt],
    judged: _Judged,
    neighbors: dict[int, Neighbors],
    tree: CategoryTree,
    now: datetime,
) -> Iterator[LabelIssue]:
    name = f"out-of-fold-{now:%Y%m%dT%H%M%SZ}"
    quality, categories = judged.quality, judged.scores.categories
    for doubt in doubts:
        row = doubt.row
        ad = ads[row]
        probabilities = judged.scores.probabilities[row]
        near = neighbors[row].rows.tolist()
        alike = [ads[other].category_id == ad.category_id for other in near]
        yield LabelIssue(
            ad_id=str(ad.ad_id),
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
            neighbors=[str(ads[other].ad_id) for other in near],
            agreement=sum(alike) / len(alike) if alike else None,
            seller=ad.seller,
            ad_date=_moment(ad.date),
            fingerprint=fingerprint(ad.title, ad.category_id, tree),
            model=name,
            found_at=now,
        )


def update_queue(found: Iterable[LabelIssue], started: datetime, result: Result) -> None:
    """Open the issues found, but those that a moderator settled; close the open ones that were not found again.

    What moderators have done since the search ``started``, which it has not seen, is not undone; rows are changed under their
    version.
    """
    for batch in _batches(found):
        with transaction.atomic():
            keys = [issue.ad_id for issue in batch]
            known = {row.ad_id: row for row in LabelIssue.objects.select_for_update().filter(ad_id__in=keys)}
            new = [issue for issue in batch if issue.ad_id not in known]
            LabelIssue.objects.bulk_create(new)
            again = [(issue, known[issue.ad_id]) for issue in batch if issue.ad_id in known]
            changed = [_renew(old, issue) for issue, old in again if not _settled(old, issue, started)]
            LabelIssue.objects.bulk_update(changed, _RENEWED)
            result.opened += len(new) + len(changed)
            result.remembered += len(again) - len(changed)
    stale = LabelIssue.objects.filter(state=LabelIssue.State.OPEN, found_at__lt=started)
    result.closed, _ = stale.delete()


_RENEWED = [
    "state", "kind", "given", "suggested", "branch", "level", "priority", "given_probability", "suggested_probability",
    "alternatives", "words", "neighbors", "agreement", "seller", "ad_date", "fingerprint", "model", "found_at", "version",
    "decided_at", "decided_by",
]  # fmt: skip


def _settled(old: LabelIssue, found: LabelIssue, started: datetime) -> bool:
    since = old.decided_at is not None and old.decided_at >= started
    return old.state != LabelIssue.State.OPEN and (since or old.fingerprint == found.fingerprint)


def _renew(old: LabelIssue, found: LabelIssue) -> LabelIssue:
    """Give the row what was found now; whoever has the old state before him is told when he decides."""
    shown = (old.state, old.given_id, old.suggested_id)
    version = old.version if shown == (found.state, found.given_id, found.suggested_id) else old.version + 1
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
