"""Training a new title model from the marketplace's own ads, and putting it into service as ``versions`` does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from ad_autocategorize import versions
from ad_autocategorize.artifacts import TEMPORARY_PREFIX
from ad_autocategorize.categories.drift import Profile, profile
from ad_autocategorize.categories.item_photos import Corpus, PhotoLearning, learn_item_photos, save_model
from ad_autocategorize.categories.judging import LearnedTitles, judge_titles, title_counts, title_outcomes
from ad_autocategorize.categories.label_weights import LabelWeights, weigh_labels
from ad_autocategorize.categories.learned_words import learned_words
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.item_photos.names import PART_KEY
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.sources import AdSource
from ad_autocategorize.sources.languages import title_settings
from ad_autocategorize.sources.source import require_ads
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.versions.history import active_version
from ad_autocategorize.versions.provenance import fingerprint
from taxonomy.tree import CategoryTree

if TYPE_CHECKING:
    # The training side.
    from ad_autocategorize.titles.evaluation import HeldOutAnswers

NAME_PREFIX = "titles-"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What ``retrain_titles`` is asked for.

    Attributes
    ----------
    training : who asks, and what is to become of the version.
    jobs : processes on this machine that train side by side.
    scheduler : the address of the Dask cluster to train on in their place; ``None`` for this machine.
    """

    since: date | None = None
    limit: int | None = None
    training: versions.Training = field(default_factory=versions.Training)
    jobs: int = 1
    scheduler: str | None = None
    seed: int = 0
    language: str = ""
    photos: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """A recorded version, the ads left out by reason, how labels were weighed, and the version that was active before."""

    version: ModelVersion
    skipped: Counter[str]
    labels: LabelWeights
    before: ModelVersion | None


def retrain_titles(source: AdSource, request: Request, progress: Progress) -> Result:
    """Evaluate on a hold-out, train on all ads, write the artifact, record it, and promote it if it passes the gate.

    Raises ``TrainingError`` where the ads cannot be learned from, ``TrainingBusy``, ``SourceError``, ``ClusterError``,
    ``OSError``.
    """
    directory = plugin_settings.model_dir
    with versions.training_lock(directory, ModelVersion.Kind.TITLES) as lock:
        versions.sweep(directory, TEMPORARY_PREFIX, NAME_PREFIX)
        progress = lock.telling(progress)
        skipped: Counter[str] = Counter()
        tree = CategoryTree.load(include_inactive=True)
        slot = {"kind": ModelVersion.Kind.TITLES, "source": source.name, "language": request.language}
        before = active_version(slot)
        settings = _settings(request, before)
        ads, labels = _collect(source, request, tree, settings, skipped, progress)
        held, scorer = _train(ads, labels, settings, request, progress)
        photos = _hear_photos(source, ads, labels, scorer, request, progress)
        progress("comparing", 0, 0)
        verdict = judge_titles(
            directory, before, ads, held, CategoryTree.load(), tolerance=plugin_settings.PROMOTION_TOLERANCE
        )
        name = versions.new_name(NAME_PREFIX + "".join(f"{part}-" for part in (source.name, request.language) if part))
        metrics = {**held.evaluation.to_dict(), "profile": _profile(ads, held, scorer.settings).to_dict()}
        if photos.metrics:
            metrics[PART_KEY] = photos.metrics
        metadata = {
            "version": name,
            "taxonomy_version": tree.version,
            "ads": len(ads.titles),
            "skipped": dict(+skipped),
            "labels": dict(labels.origins),
            "metrics": metrics,
        }
        save_model(scorer, directory / name, metadata, photos.part)
        title_outcomes(ads, held).save(directory / name)
        lock.confirm()
        described = _described(ads, tree, metrics)
        version = versions.record(
            directory, request.training, verdict, **slot, **described, name=name, digest=scorer.digest, parent=before
        )
    return Result(version, +skipped, labels, before)


def _settings(request: Request, before: ModelVersion | None) -> TitleSettings:
    settings = title_settings(request.language)
    if before is not None and (request.since or request.limit):
        # A part of the ads is no sample of the site to choose settings by: those of the version in service stay.
        settings = settings.inherit(TitleSettings.from_dict(before.settings))
    return settings


def _train(
    ads: LearnedTitles, labels: LabelWeights, settings: TitleSettings, request: Request, progress: Progress
) -> tuple[HeldOutAnswers, TitleScorer]:
    """Test on a hold-out, and return that with the model that has learned from all ads. Raises ``TrainingError``."""
    from ad_autocategorize.titles.evaluation import hold_out
    from ad_autocategorize.titles.training.cluster import on_cluster
    from ad_autocategorize.titles.training.training import train

    options: dict[str, Any] = {"weights": labels.weights, "seed": request.seed, "jobs": request.jobs}
    evaluating, training = _stage(progress, "evaluating"), _stage(progress, "training")
    with on_cluster(request.scheduler):
        held = hold_out(ads.titles, ads.paths, settings, **options, keys=ads.keys, progress=evaluating)
        # What the hold-out chose on most of the ads suits all of them.
        settings = settings.inherit(held.evaluation.chosen_settings)
        return held, train(ads.titles, ads.paths, settings, **options, progress=training)


def _hear_photos(
    source: AdSource,
    ads: LearnedTitles,
    labels: LabelWeights,
    scorer: TitleScorer,
    request: Request,
    progress: Progress,
) -> PhotoLearning:
    """Return what photos add to the model, nothing where they are not to be heard."""
    if not request.photos:
        return PhotoLearning()
    is_whole = request.since is None and request.limit is None
    corpus = Corpus(ads.ad_ids, ads.titles, ads.paths, labels.weights, request.language, is_whole)
    return learn_item_photos(source, corpus, scorer, seed=request.seed, progress=progress)


def _described(ads: LearnedTitles, tree: CategoryTree, metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of ``ModelVersion`` that say what was learned from and how good it is."""
    return {
        "taxonomy_version": tree.version,
        "ad_count": len(ads.titles),
        "counts": title_counts(ads.paths, tree),
        "data_fingerprint": fingerprint(ads.keys, ads.paths),
        "settings": metrics["settings"],
        "metrics": {name: value for name, value in metrics.items() if name != "settings"},
    }


def _profile(ads: LearnedTitles, held: HeldOutAnswers, settings: TitleSettings) -> Profile:
    """Return what the ads of the hold-out look like to a model that has not learned from them."""
    aside = set(held.places.tolist())
    known = frozenset(word for place, title in enumerate(ads.titles) if place not in aside for word in title.split())
    titles = [ads.written[place] for place in held.places]
    return profile(titles, [path[0] for path in held.truth], held.confidence.tolist(), known, settings)


def _collect(
    source: AdSource,
    request: Request,
    tree: CategoryTree,
    settings: TitleSettings,
    skipped: Counter[str],
    progress: Progress,
) -> tuple[LearnedTitles, LabelWeights]:
    """Return the ads that have a word to learn from, and how much their labels count."""
    from ad_autocategorize.titles.training.examples import tokenize

    ads = []
    for ad in source.iter_titles(
        since=request.since, limit=request.limit, skipped=skipped, language=request.language or None
    ):
        ads.append(ad)
        if len(ads) % 1000 == 0:
            progress("reading ads", len(ads), 0)
    require_ads(source, len(ads), skipped)
    labels = weigh_labels(ads, source.name)
    titles = learned_words(ads, labels.labellers, title_settings(request.language))
    kept = tokenize(titles, settings)[1]
    skipped["nothing left of the title"] = len(titles) - len(kept)
    learned = [ads[place] for place in kept]
    paths = [tree.path_ids(ad.category_id) for ad in learned]
    keys, written = [ad.ad_id for ad in learned], [ad.title for ad in learned]
    return LearnedTitles.of(keys, written, [titles[place] for place in kept], paths), labels.part(kept)


def _stage(progress: Progress, stage: str) -> Progress:
    return lambda _, done, total: progress(stage, done, total)
