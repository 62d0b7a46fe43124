"""Training a new title model from the marketplace's own ads, and putting it into service as ``versions`` does."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from ad_autocategorize import versions
from ad_autocategorize.artifacts import TEMPORARY_PREFIX
from ad_autocategorize.categories.drift import Profile, profile
from ad_autocategorize.categories.incremental import Champion, WholeTrainingNeeded, learn_changed
from ad_autocategorize.categories.item_photo_clearing import clear_away
from ad_autocategorize.categories.item_photos import Corpus, PhotoLearning, learn_item_photos, save_model
from ad_autocategorize.categories.judging import LearnedTitles, judge_titles, title_counts, title_outcomes
from ad_autocategorize.categories.label_weights import LabelWeights, weigh_labels
from ad_autocategorize.categories.learned import Learned, Progress, ReadAds
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.item_photos.names import PART_KEY
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.sources import AdSource
from ad_autocategorize.sources.languages import title_settings
from ad_autocategorize.sources.source import require_ads
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.versions.history import active_version
from ad_autocategorize.versions.incremental import INCREMENTAL
from ad_autocategorize.versions.provenance import fingerprint
from taxonomy.tree import CategoryTree

if TYPE_CHECKING:
    # The training side.
    from ad_autocategorize.titles.evaluation import HeldOutAnswers
    from ad_autocategorize.titles.training.checkpoint import Trained

NAME_PREFIX = "titles-"


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What ``retrain_titles`` is asked for.

    Attributes
    ----------
    training : who asks, and what is to become of the version.
    jobs : processes on this machine that train side by side.
    scheduler : the address of the Dask cluster to train on in their place; ``None`` for this machine.
    changed : whether to train only the nodes whose ads have changed, if the version in service can be gone on from.
    """

    since: date | None = None
    limit: int | None = None
    training: versions.Training = field(default_factory=versions.Training)
    jobs: int = 1
    scheduler: str | None = None
    seed: int = 0
    language: str = ""
    photos: bool = True
    changed: bool = False


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a training came to.

    Attributes
    ----------
    version : the version that was recorded; ``None`` if nothing has changed since the one in service.
    skipped : the ads left out, by reason.
    labels : how labels were weighed.
    before : the version that was active before.
    why_whole : why all nodes were trained although only those with changes were asked for; "" if that is not so.
    deleted : in words, what photos had left in ``MODEL_DIR`` and nothing needs any more.
    """

    version: ModelVersion | None
    skipped: Counter[str]
    labels: LabelWeights
    before: ModelVersion | None
    why_whole: str = ""
    deleted: tuple[str, ...] = ()


def retrain_titles(source: AdSource, request: TrainingRequest, progress: Progress) -> TrainingResult:
    """Evaluate on a hold-out, train on all ads, write the artifact, record it, and promote it if it passes the gate.

    Raises ``TrainingError`` where the ads cannot be learned from, ``TrainingBusy``, ``SourceError``, ``ClusterError``,
    ``OSError``.
    """
    directory = plugin_settings.model_dir
    with versions.training_lock(directory, ModelVersion.Kind.TITLES) as lock:
        versions.sweep(TEMPORARY_PREFIX, NAME_PREFIX)
        progress = lock.telling(progress)
        skipped: Counter[str] = Counter()
        tree = CategoryTree.load(include_inactive=True)
        slot = {"kind": ModelVersion.Kind.TITLES, "source": source.name, "language": request.language}
        before = active_version(slot)
        read, why_whole, learned = _read(source, request, skipped, progress), "", None
        if request.changed:
            try:
                learned = _learn_changed(before, read, tree, skipped, request, progress)
                if learned is None:
                    return TrainingResult(None, +skipped, read.labels, before)
            except WholeTrainingNeeded as reason:
                why_whole = str(reason)
        if learned is None:
            learned = _learn_whole(source, read, tree, before, skipped, request, progress)
        progress("comparing", 0, 0)
        verdict = judge_titles(
            before, learned.ads, learned.held, CategoryTree.load(), tolerance=plugin_settings.PROMOTION_TOLERANCE
        )
        name = versions.new_name(NAME_PREFIX + "".join(f"{part}-" for part in (source.name, request.language) if part))
        metrics = _metrics(learned)
        _save(learned, name, tree, skipped, metrics)
        lock.confirm()
        described = _described(learned.ads, tree, metrics)
        digest = learned.served.scorer.digest
        version = versions.record(
            request.training, verdict, **slot, **described, name=name, digest=digest, parent=before
        )
        # Old versions have been deleted by now.
        deleted = clear_away(directory)
    if learned.photos.dropped:
        deleted.insert(0, f"embeddings of {learned.photos.dropped} photos that no ad has any more")
    return TrainingResult(version, +skipped, learned.labels, before, why_whole, tuple(deleted))


def _metrics(learned: Learned) -> dict[str, Any]:
    """Return what the version says of its quality, in JSON's types."""
    metrics = {**learned.held.evaluation.to_dict(), "profile": _profile(learned.ads, learned.held).to_dict()}
    if learned.photos.metrics:
        metrics[PART_KEY] = learned.photos.metrics
    if learned.incremental:
        metrics[INCREMENTAL] = learned.incremental
    return metrics


def _save(learned: Learned, name: str, tree: CategoryTree, skipped: Counter[str], metrics: dict[str, Any]) -> None:
    """Write a version's folder. Raises ``OSError``."""
    from ad_autocategorize.titles.training.state import STATE_FOLDER, STATE_KEY

    folder = plugin_settings.model_dir / name
    # Beside it under a name that the next training sweeps: the title model's manifest holds the digest of this.
    aside = folder.with_name(f"{name}-{STATE_FOLDER}")
    metadata = {
        "version": name,
        "taxonomy_version": tree.version,
        "ads": len(learned.ads.titles),
        "skipped": dict(+skipped),
        "labels": dict(learned.labels.origins),
        "metrics": metrics,
        STATE_KEY: learned.state(name).save(aside),
    }
    save_model(learned.served.scorer, folder, metadata, learned.photos.part)
    aside.rename(folder / STATE_FOLDER)
    title_outcomes(learned.ads, learned.held).save(folder)


def _learn_changed(
    before: ModelVersion | None,
    read: ReadAds,
    tree: CategoryTree,
    skipped: Counter[str],
    request: TrainingRequest,
    progress: Progress,
) -> Learned | None:
    """Train where ads have changed; ``None`` if none has. Raises ``WholeTrainingNeeded``."""
    from ad_autocategorize.titles.training.cluster import on_cluster

    champion = Champion.of(before, title_settings(request.language), request.seed)
    with on_cluster(request.scheduler):
        return learn_changed(champion, read, tree, skipped, jobs=request.jobs, photos=request.photos, progress=progress)


def _learn_whole(
    source: AdSource,
    read: ReadAds,
    tree: CategoryTree,
    before: ModelVersion | None,
    skipped: Counter[str],
    request: TrainingRequest,
    progress: Progress,
) -> Learned:
    """Train all nodes. Raises ``TrainingError``."""
    settings = _settings(request, before)
    ads, labels = read.with_titles(read.learned_words(settings), settings, tree, skipped)
    held, served = _train(ads, labels, settings, request, progress)
    return Learned(ads, labels, held, served, _hear_photos(source, ads, labels, served.scorer, request, progress))


def _settings(request: TrainingRequest, before: ModelVersion | None) -> TitleSettings:
    settings = title_settings(request.language)
    if before is not None and (request.since or request.limit):
        # A part of the ads is no sample of the site to choose settings by: those of the version in service stay.
        settings = settings.inherit(TitleSettings.from_dict(before.settings))
    return settings


def _train(
    ads: LearnedTitles, labels: LabelWeights, settings: TitleSettings, request: TrainingRequest, progress: Progress
) -> tuple[HeldOutAnswers, Trained]:
    """Test on a hold-out, and return that with the model that has learned from all ads. Raises ``TrainingError``."""
    from ad_autocategorize.titles.evaluation import hold_out
    from ad_autocategorize.titles.training.cluster import on_cluster
    from ad_autocategorize.titles.training.training import train

    options: dict[str, Any] = {"weights": labels.weights, "unlisted": ads.unlisted, "seed": request.seed}
    options["jobs"] = request.jobs
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
    request: TrainingRequest,
    progress: Progress,
) -> PhotoLearning:
    """Return what photos add to the model, nothing where they are not to be heard."""
    if not request.photos:
        return PhotoLearning()
    is_whole = request.since is None and request.limit is None
    corpus = Corpus(ads.ad_ids, ads.titles, ads.paths, labels.weights, ads.unlisted, request.language, is_whole)
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


def _profile(ads: LearnedTitles, held: HeldOutAnswers) -> Profile:
    """Return what the ads of the hold-out look like to a model that has not learned from them."""
    scorer, titles = held.tested.scorer, [ads.written[place] for place in held.places]
    return profile(titles, [path[0] for path in held.truth], held.confidence.tolist(), scorer.words, scorer.settings)


def _read(source: AdSource, request: TrainingRequest, skipped: Counter[str], progress: Progress) -> ReadAds:
    """Return the ads, and how much their labels count."""
    ads = []
    for ad in source.iter_titles(
        since=request.since, limit=request.limit, skipped=skipped, language=request.language or None
    ):
        ads.append(ad)
        if len(ads) % 1000 == 0:
            progress("reading ads", len(ads), 0)
    require_ads(source, len(ads), skipped)
    return ReadAds(ads, weigh_labels(ads, source.name))


def _stage(progress: Progress, stage: str) -> Progress:
    return lambda _, done, total: progress(stage, done, total)
