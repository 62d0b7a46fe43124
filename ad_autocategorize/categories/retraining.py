"""Training a new title model from the marketplace's own ads, and putting it into service as ``versions`` does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from ad_autocategorize import versions
from ad_autocategorize.artifacts import TEMPORARY_PREFIX
from ad_autocategorize.categories.item_photos import Corpus, PhotoLearning, learn_item_photos, save_model
from ad_autocategorize.categories.label_weights import LabelWeights, weigh_labels
from ad_autocategorize.categories.private_words import sole_words, without_contacts
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.item_photos.names import PART_KEY
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.sources import AdSource, LabelledTitle
from ad_autocategorize.sources.languages import title_settings
from ad_autocategorize.sources.source import require_ads
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.settings import TitleSettings
from taxonomy.tree import CategoryTree

NAME_PREFIX = "titles-"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What ``retrain_titles`` is asked for."""

    since: date | None = None
    limit: int | None = None
    activate: bool = True
    jobs: int = 1
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
    """Evaluate on a hold-out, train on all ads, write the artifact, record it and activate it.

    Raises ``TrainingError`` where the ads cannot be learned from, ``TrainingBusy``, ``SourceError``, ``OSError``.
    """
    from ad_autocategorize.titles.evaluation import hold_out
    from ad_autocategorize.titles.training.examples import tokenize
    from ad_autocategorize.titles.training.training import train

    settings = title_settings(request.language)
    directory = plugin_settings.model_dir
    with versions.only_one(directory):
        versions.sweep(directory, TEMPORARY_PREFIX, NAME_PREFIX)
        skipped: Counter[str] = Counter()
        tree = CategoryTree.load(include_inactive=True)
        keys, titles, paths, labels = _collect(source, request, tree, skipped, progress)
        kept = len(tokenize(titles, settings)[1])
        skipped["nothing left of the title"] = len(titles) - kept
        options: dict[str, Any] = {"weights": labels.weights, "seed": request.seed, "jobs": request.jobs}
        which = {"kind": ModelVersion.Kind.TITLES, "source": source.name, "language": request.language}
        before = ModelVersion.objects.filter(**which, is_active=True).first()
        if before is not None and (request.since or request.limit):
            # A part of the ads is no sample of the site to choose settings by: those of the version in service stay.
            settings = settings.inherit(TitleSettings.from_dict(before.metrics.get("settings", {})))
        evaluation = hold_out(titles, paths, settings, **options, progress=_stage(progress, "evaluating"))
        # What the hold-out chose on most of the ads suits all of them.
        settings = settings.inherit(evaluation.chosen_settings)
        scorer = train(titles, paths, settings, **options, progress=_stage(progress, "training"))
        photos = PhotoLearning()
        if request.photos:
            corpus = Corpus(keys, titles, paths, labels.weights)
            photos = learn_item_photos(source, corpus, scorer, seed=request.seed, progress=progress)
        metrics = evaluation.to_dict() | ({PART_KEY: photos.metrics} if photos.metrics else {})
        name = versions.new_name(NAME_PREFIX + "".join(f"{part}-" for part in (source.name, request.language) if part))
        metadata = {
            "version": name,
            "taxonomy_version": tree.version,
            "ads": kept,
            "skipped": dict(+skipped),
            "labels": dict(labels.origins),
            "metrics": metrics,
        }
        save_model(scorer, directory / name, metadata, photos.part)
        version = versions.record(
            directory,
            activate=request.activate,
            **which,
            name=name,
            digest=scorer.digest,
            taxonomy_version=tree.version,
            ad_count=kept,
            metrics=metrics,
        )
    return Result(version, +skipped, labels, before)


def _collect(
    source: AdSource, request: Request, tree: CategoryTree, skipped: Counter[str], progress: Progress
) -> tuple[list[Any], list[str], list[tuple[int, ...]], LabelWeights]:
    ads = []
    for ad in source.iter_titles(
        since=request.since, limit=request.limit, skipped=skipped, language=request.language or None
    ):
        ads.append(ad)
        if len(ads) % 1000 == 0:
            progress("reading ads", len(ads), 0)
    require_ads(source, len(ads), skipped)
    titles = _without_private_words(ads, title_settings(request.language))
    paths = [tree.path_ids(ad.category_id) for ad in ads]
    return [ad.ad_id for ad in ads], titles, paths, weigh_labels(ads, source.name)


def _without_private_words(ads: Sequence[LabelledTitle], settings: TitleSettings) -> list[str]:
    """Return the titles without what is somebody's own: the model's files list the words of the others."""
    normalize = Normalizer(settings)
    titles = [normalize(without_contacts(ad.title[: plugin_settings.MAX_TITLE_LENGTH])) for ad in ads]
    sole = sole_words(titles, [ad.seller for ad in ads])
    return [" ".join(word for word in words if word not in sole) for words in titles]


def _stage(progress: Progress, stage: str) -> Progress:
    return lambda _, done, total: progress(stage, done, total)
