"""The photos of the marketplace's ads in the training of a title model: embedded once each, and heard where they help."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.item_photos.names import BACKBONE_PREFIX, PART_FOLDER, PART_KEY
from ad_autocategorize.model_storage import bring
from ad_autocategorize.photos.uploads.limits import MOST_PHOTOS
from ad_autocategorize.sources import AdSource
from ad_autocategorize.sources.fields import fetch_along
from ad_autocategorize.sources.photo_files import photo_paths
from ad_autocategorize.sources.streaming import stream

if TYPE_CHECKING:
    # The training side, and Pillow; imported where photos are heard.
    from PIL.Image import Image

    from ad_autocategorize.item_photos.backbone import Embedder
    from ad_autocategorize.item_photos.scorer import PhotoPart
    from ad_autocategorize.item_photos.training.learning import Ads
    from ad_autocategorize.item_photos.training.store import EmbeddingStore
    from ad_autocategorize.photos.training.images import Skipped
    from ad_autocategorize.titles.features import Unlisted
    from ad_autocategorize.titles.scorer import TitleScorer

# In MODEL_DIR: the embeddings, in a folder for each backbone.
EMBEDDINGS_FOLDER = "embeddings"
BATCH = 16
# How many unreadable files are named; all of them are counted.
MOST_NAMED = 10

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class PhotoLearning:
    """What a training learned from photos.

    Attributes
    ----------
    part : to be served; ``None`` where the photos do not surely help.
    metrics : for the version's own, in JSON's types; empty where there is nothing to learn from.
    dropped : the photos that no ad has any more, whose embeddings were deleted.
    """

    part: PhotoPart | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class ShownAds:
    """The digests of each ad's photos by the ad's key, those of ads without one missing; and what could not be read."""

    digests: dict[Any, list[bytes]]
    skipped: Skipped


@dataclass(frozen=True, slots=True)
class Corpus:
    """Ads to learn from, in columns of equal length.

    A key may stand there several times, once for each of the ad's categories. Of ``unlisted`` words of titles the n-grams are
    learned and nothing else. ``language`` is that of the ads, "" for all;
    ``is_whole`` says that these are all ads of the source and the language, so that no other photo is of use.
    """

    keys: Sequence[Any]
    titles: Sequence[str]
    paths: Sequence[tuple[int, ...]]
    weights: Sequence[float]
    unlisted: Unlisted | None = None
    language: str = ""
    is_whole: bool = True


def learn_item_photos(
    source: AdSource, corpus: Corpus, scorer: TitleScorer, *, seed: int, progress: Progress
) -> PhotoLearning:
    """Learn from the photos of ads that the scorer learned from.

    Nothing happens on a site without photos or without a backbone. Raises ``ArtifactError`` for a damaged one, ``OSError``.
    """
    opened = open_backbone(source, corpus.language)
    if opened is None:
        return PhotoLearning()
    from ad_autocategorize.item_photos.training.learning import Ads

    embedder, store = opened
    known = set(scorer.tree.categories)
    rows = [row for row, path in enumerate(corpus.paths) if path in known]
    keys = [corpus.keys[row] for row in rows]
    shown = embed_ads(source, set(keys), embedder, store, progress)
    ads = Ads(
        [corpus.titles[row] for row in rows],
        [corpus.paths[row] for row in rows],
        gather(keys, shown, store),
        np.array([corpus.weights[row] for row in rows], dtype=np.float64),
        corpus.unlisted,
    )
    dropped = 0
    if corpus.is_whole:
        dropped = store.prune({digest for digests in shown.digests.values() for digest in digests})
    learning = _learn(ads, embedder, scorer, seed, progress)
    told = {"ads": len(ads), "with_photos": len(ads.photos.with_photos()), "backbone": embedder.name}
    metrics = {**told, **learning.metrics, "unreadable": _unreadable(shown.skipped)}
    return PhotoLearning(learning.part, metrics, dropped)


def _learn(ads: Ads, embedder: Embedder, scorer: TitleScorer, seed: int, progress: Progress) -> PhotoLearning:
    from ad_autocategorize.item_photos.scorer import PhotoPart
    from ad_autocategorize.item_photos.training.evaluation import evaluate_photos, summarize
    from ad_autocategorize.item_photos.training.learning import refit
    from ad_autocategorize.titles.evaluation.duplicates import find_twins

    def step(stage: str, done: int, total: int) -> None:
        progress(f"photos: {stage}", done, total)

    groups = find_twins(ads.titles).groups
    held_out = evaluate_photos(ads, scorer.settings, groups, seed=seed, progress=step)
    if held_out is None:
        return PhotoLearning(None, {"used": False, "why_not": "too few ads with photos"})
    metrics = summarize(held_out)
    if not held_out.gains:
        return PhotoLearning(None, {**metrics, "used": False, "why_not": "no sure gain on the hold-out"})
    classifier = refit(ads, scorer.tree.categories, held_out.learned)
    part = PhotoPart(classifier, held_out.learned.fusion, embedder.name, embedder.digest)
    return PhotoLearning(part, {**metrics, "used": True})


def save_model(scorer: TitleScorer, folder: Path, metadata: dict[str, Any], part: PhotoPart | None) -> None:
    """Write a title model and, within its folder, what photos add to it. Raises ``OSError``."""
    if part is None:
        scorer.save(folder, metadata=metadata)
        return
    # Beside it under a name that the next training sweeps: the title model's manifest holds the digest of this.
    aside = folder.with_name(f"{folder.name}-{PART_FOLDER}")
    digest = part.save(aside)
    scorer.save(folder, metadata={**metadata, PART_KEY: digest})
    aside.rename(folder / PART_FOLDER)


def open_backbone(source: AdSource, language: str) -> tuple[Embedder, EmbeddingStore] | None:
    """Return the backbone that was exported last, and the embeddings made with it of the source's ads in a language ("": all).

    ``None`` without photos or backbone.
    """
    directory = plugin_settings.model_dir
    if source.photos is not None:
        bring(BACKBONE_PREFIX)
    if source.photos is None or not any(directory.glob(f"{BACKBONE_PREFIX}*")):
        return None
    from ad_autocategorize.item_photos.backbone import Embedder, newest_backbone
    from ad_autocategorize.item_photos.training.store import EmbeddingStore

    newest = newest_backbone(directory)
    if newest is None:
        return None
    embedder = Embedder.load(newest)
    # Each training clears away what its own ads need no more.
    folder = directory / EMBEDDINGS_FOLDER / embedder.name / store_name(source.name, language)
    return embedder, EmbeddingStore(folder, embedder.width)


def store_name(source: str, language: str) -> str:
    """Return the name of the folder that holds the embeddings of a source and a language ("": all)."""
    return f"{source or 'ads'}.{language or 'all'}"


def embed_ads(
    source: AdSource, keys: set[Any], embedder: Embedder, store: EmbeddingStore, progress: Progress
) -> ShownAds:
    """Bring the embeddings of the ads' photos into the store; those that it has are not made again."""
    from ad_autocategorize.photos.training.images import Skipped

    shown = ShownAds({}, Skipped())
    queue = _Queue(embedder, store, shown)
    for done, (key, path) in enumerate(_files(source, keys), 1):
        queue.add(key, path)
        if done % 100 == 0:
            progress("reading photos", done, 0)
    queue.flush()
    return shown


def gather(keys: Sequence[Any], shown: ShownAds, store: EmbeddingStore) -> Any:
    """Return the photos of ads (``AdPhotos``), in the order of ``keys``."""
    from ad_autocategorize.item_photos.training.sums import AdPhotos

    pairs = [(row, digest) for row, key in enumerate(keys) for digest in shown.digests.get(key, ())]
    vectors = store.vectors([digest for _, digest in pairs])
    return AdPhotos(vectors, np.array([row for row, _ in pairs], dtype=np.intp))


class _Queue:
    """Photos that wait to be embedded together."""

    def __init__(self, embedder: Embedder, store: EmbeddingStore, shown: ShownAds) -> None:
        self._embedder, self._store, self._shown = embedder, store, shown
        self._waiting: dict[bytes, Image] = {}

    def add(self, key: Any, path: Path) -> None:
        from ad_autocategorize.photos.training.images import UnreadablePhoto, read_photo

        try:
            digest = _digest(path)
            if digest not in self._store and digest not in self._waiting:
                self._waiting[digest] = read_photo(path)
        except UnreadablePhoto as error:
            self._shown.skipped.add(str(error), path)
            return
        own = self._shown.digests.setdefault(key, [])
        if digest not in own:
            own.append(digest)
        if len(self._waiting) >= BATCH:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            self._store.add(list(self._waiting), self._embedder.embed(list(self._waiting.values())))
            self._waiting.clear()


def _files(source: AdSource, keys: set[Any]) -> Iterator[tuple[Any, Path]]:
    """Yield the first photos of the wanted ads, with the ad's key."""
    queryset = fetch_along(source.get_queryset(), [*source.select_related, *source.relations()])
    if source.photos is not None and source.is_path("photos"):
        first = source.ad_model()._meta.get_field(source.photos.split("__")[0])
        if first.is_relation:
            queryset = queryset.prefetch_related(source.photos)
    for ad in stream(queryset):
        if ad.pk in keys:
            for path in islice(photo_paths(source.value_of(ad, "photos")), MOST_PHOTOS):
                yield ad.pk, path


def _digest(path: Path) -> bytes:
    """Return what a photo is known by. Raises ``UnreadablePhoto``."""
    from ad_autocategorize.item_photos.training.store import DIGEST_BYTES
    from ad_autocategorize.photos.training.images import UnreadablePhoto

    if path.exists() and not path.is_file():
        # A pipe would be waited for without end.
        raise UnreadablePhoto("no plain file")
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()[:DIGEST_BYTES]
    except FileNotFoundError as error:
        raise UnreadablePhoto("no such file") from error
    except OSError as error:
        raise UnreadablePhoto("cannot be opened") from error


def _unreadable(skipped: Skipped) -> dict[str, Any]:
    named = [name for names in skipped.examples.values() for name in names][:MOST_NAMED]
    return {"counts": dict(skipped.counts), "examples": named}
