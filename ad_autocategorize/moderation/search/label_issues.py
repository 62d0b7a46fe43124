"""Filling the review queue: every published ad is judged by models that never saw it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date as Date
from datetime import datetime, time
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
from ad_autocategorize.moderation.search.car_issues import find_car_issues
from ad_autocategorize.moderation.search.categories import keep_together, without_others
from ad_autocategorize.moderation.search.doubts import Doubt, title_doubts, with_photos
from ad_autocategorize.moderation.search.health import Evidence, record_health
from ad_autocategorize.moderation.search.item_photos import PhotoEvidence, with_item_photos
from ad_autocategorize.moderation.search.limiting import within_limit
from ad_autocategorize.moderation.search.queue_update import close_issues, open_issues
from ad_autocategorize.moderation.search.witnesses import one_witness_each
from ad_autocategorize.sources import AdSource, LabelledTitle
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
    from ad_autocategorize.titles.hierarchy import Path
    from ad_autocategorize.titles.label_errors.mislabels import LabelQuality
    from ad_autocategorize.titles.label_errors.near_identical import Neighbors
    from ad_autocategorize.titles.label_errors.out_of_fold import FoldScores

ALTERNATIVES = 5

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How ``find_label_issues`` is to search.

    Attributes
    ----------
    folds : parts that the ads are judged in, each by models that learned from the others.
    limit : how many ads are put into the queue at most, besides those that are open already; any number for ``None``.
    jobs : processes that judge folds side by side.
    photos : whether car photos are looked at too.
    """

    folds: int = 4
    limit: int | None = None
    jobs: int = 1
    seed: int = 0
    photos: bool = False


@dataclass(slots=True)
class SearchResult:
    """What a search found, in numbers.

    Attributes
    ----------
    ads : ads that were judged.
    skipped : ads that were not, by reason.
    estimated_errors : labels that are wrong by cleanlab's estimate.
    opened, closed : entries of the queue that are open now, and that were deleted since nothing speaks for them any more.
    remembered : ads that are doubted and stay out of the queue, since a moderator has decided about them.
    findings : findings about the category tree.
    car_issues : car fields that contradict the catalog or a photo, open now.
    """

    ads: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    estimated_errors: int = 0
    opened: int = 0
    remembered: int = 0
    closed: int = 0
    findings: int = 0
    car_issues: int = 0


def find_label_issues(source: AdSource, options: SearchOptions, progress: Progress) -> SearchResult:
    """Judge all published ads and bring the queue up to date.

    Raises ``TrainingError`` where the ads cannot be learned from, ``TrainingBusy`` while another search runs, ``SourceError``,
    ``LookupError`` without ``MODEL_DIR``, which holds the lock.
    """
    with training_lock(plugin_settings.model_dir, SEARCH) as lock:
        return _search(source, options, lock.telling(progress))


def _search(source: AdSource, options: SearchOptions, progress: Progress) -> SearchResult:
    started = timezone.now()
    tree = CategoryTree.load(include_inactive=True)
    result = SearchResult()
    photos = _photo_reader() if options.photos else None
    for language in training_languages():
        _search_language(source, language, tree, options, photos, result, progress)
    result.closed = close_issues(started, source, tree, photos_seen=options.photos)
    # Categories may have moved while the search ran.
    write_batch(follow_moved_categories)
    if source.name == source_names()[0]:
        result.car_issues = find_car_issues(source, timezone.now(), read_photos=photos.fields if photos else None)
    return result


def _search_language(
    source: AdSource,
    language: str,
    tree: CategoryTree,
    options: SearchOptions,
    photos: PhotoReader | None,
    result: SearchResult,
    progress: Progress,
) -> None:
    """Judge the ads of one language, "" for all, and open their issues."""
    settings = title_settings(language)
    ads = _read_ads(source, settings, language, result)
    # Categories out of use are learned from where ads lie in them, but no ad is to go there.
    active = CategoryTree.load(scope=source.scope)
    judged = _judge(source, ads, (tree, active), language, options, progress)
    doubts = title_doubts(judged.quality)
    if photos is not None:
        doubts = with_photos(doubts, ads, judged.scores, judged.quality, source, photos.shows_car, active)
    doubts = within_limit(options.limit, _unsettled(source, doubts, ads, tree, result), ads, source)
    neighbors = {doubt.row: judged.neighbors[doubt.row] for doubt in doubts}
    now = timezone.now()
    result.ads += len({ad.ad_id for ad in ads})
    result.estimated_errors += judged.quality.estimated_errors
    opened, settled = open_issues(_issues(source, ads, doubts, judged, tree, now), source, tree)
    result.opened += opened
    result.remembered += settled
    if language == training_languages()[0]:
        # What is said of the tree comes from the first language's ads.
        evidence = Evidence(ads, judged.scores, judged.quality, neighbors)
        result.findings = record_health(evidence, source, tree, settings, now)


def _read_ads(source: AdSource, settings: TitleSettings, language: str, result: SearchResult) -> list[LabelledTitle]:
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
    photos: PhotoEvidence | None


def _judge(
    source: AdSource,
    ads: Sequence[LabelledTitle],
    trees: tuple[CategoryTree, CategoryTree],
    language: str,
    options: SearchOptions,
    progress: Progress,
) -> _Judged:
    """Judge the labels; ``trees`` are the whole tree, and the active categories alone."""
    from ad_autocategorize.titles.label_errors.mislabels import judge_labels
    from ad_autocategorize.titles.label_errors.near_identical import filed_shares, find_near_identical

    whole, active = trees
    scores, photos = _score(source, ads, [whole.path_ids(ad.category_id) for ad in ads], language, options, progress)
    suggestible = np.array([path[-1] in active for path in scores.categories])
    titles, sellers = [_title(ad) for ad in ads], [_whose(ad) for ad in ads]
    near = find_near_identical(titles, range(len(ads)), title_settings(language), sellers=sellers)
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
    return _Judged(scores, near, quality, photos)


def _score(
    source: AdSource,
    ads: Sequence[LabelledTitle],
    paths: Sequence[Path],
    language: str,
    options: SearchOptions,
    progress: Progress,
) -> tuple[FoldScores, PhotoEvidence | None]:
    """Return the probability of each category for each ad, from models that did not learn from the ad, and what photos say."""
    from ad_autocategorize.titles.label_errors.out_of_fold import group_sellers, out_of_fold_scores

    settings, titles = title_settings(language), [_title(ad) for ad in ads]
    labels = weigh_labels(ads, source.name)
    groups: Sequence[Hashable | None] | None = None
    if plugin_settings.ADS_PER_SELLER is not None:
        # So that no seller's ad is judged by what he repeats himself. Where ``ADS_PER_SELLER`` is ``None`` sellers are not told
        # apart: on a site where one account posts most of the ads, nobody else could judge those.
        groups = group_sellers(titles, paths, labels.labellers, settings)
    several = any(ad.others for ad in ads)
    if several:
        groups = keep_together(ads, groups)
    words = learned_words(ads, labels.labellers, settings)
    scores = out_of_fold_scores(
        titles,
        paths,
        settings,
        learned=words.titles,
        unlisted=words.unlisted,
        weights=labels.weights,
        groups=groups,
        folds=options.folds,
        seed=options.seed,
        jobs=options.jobs,
        explain=True,
        progress=progress,
    )
    scores, photos = with_item_photos(source, language, ads, scores, labels.weights, progress)
    if several:
        scores = replace(scores, probabilities=without_others(ads, scores))
    return scores, photos


def _whose(ad: LabelledTitle) -> str:
    """Return whose ad it is, for telling opinions apart.

    An ad with several categories is judged once for each. Without a known seller its key stands for one, so that it is no second
    opinion about itself.
    """
    return ad.seller or (f"ad {ad.ad_id}" if ad.others else "")


def _unsettled(
    source: AdSource, doubts: Sequence[Doubt], ads: Sequence[LabelledTitle], tree: CategoryTree, result: SearchResult
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
    quality, categories, photos = judged.quality, judged.scores.categories, judged.photos
    same_photos = photos.filed_elsewhere([doubt.row for doubt in doubts], ads) if photos else {}
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
            opinions=photos.opinions(row, categories) if photos else [],
            same_photos=same_photos.get(row, []),
            seller=ad.seller,
            ad_date=_moment(ad.date),
            fingerprint=fingerprint(ad.title, ad.category_ids, tree),
            folded_title=folded_title(ad.title),
            model=name,
            found_at=now,
        )


def _moment(date: datetime | Date | None) -> datetime | None:
    if date is None or isinstance(date, datetime):
        return date
    return timezone.make_aware(datetime.combine(date, time()))
