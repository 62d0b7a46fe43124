"""Testing a photo network in service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ad_autocategorize.cars.catalog import catalog_pairs, table_of_today
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.photos.answers import Logits, best_answers, decode, refusal_scores
from ad_autocategorize.photos.predictor import PhotoPredictor
from ad_autocategorize.photos.training.dataset import number_groups
from ad_autocategorize.photos.training.evaluation import Confusion, evaluate, most_confused
from ad_autocategorize.photos.training.images import PhotoRecord, Skipped, UnreadablePhoto, read_photo
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, IntArray

BATCH = 32
# Called with a stage, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True, slots=True)
class EvaluatedPhotos:
    """The figures in JSON's types, the values most often confused, and the photos that could not be read."""

    figures: dict[str, Any]
    confused: list[Confusion]
    skipped: Skipped


def evaluate_photos(
    directory: Path,
    records: Iterable[PhotoRecord],
    not_cars: Path | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> EvaluatedPhotos:
    """Test a model folder through the predictor that serves, with the brand-model table of today.

    ``progress`` is called with the stage, and how many photos of how many have been read.

    Raises ``ArtifactError``, ``OSError``, ``ValueError``.
    """
    predictor = PhotoPredictor.load(directory)
    skipped = Skipped()
    cars = [record for record in records if record.is_car]
    logits, kept = predict_all(predictor, _told(cars, partial(progress, "photos of cars"), len(cars)), skipped)
    if not kept:
        raise ValueError("There are no labelled car photos to test on.")
    vocabularies, rules = predictor.manifest.vocabularies, predictor.manifest.rules
    table = table_of_today(vocabularies)
    labels = vocabularies.encode([record.labels for record in kept])
    # Colors that a model guessed test nothing.
    guessed = np.array([record.color_weight < 1 for record in kept])
    labels[guessed, HEADS.index("color")] = MISSING
    figures = evaluate(
        logits,
        labels,
        number_groups(kept),
        vocabularies,
        rules,
        precision=plugin_settings.PHOTO_PRECISION,
        table=table,
    )
    figures["origin"] = predictor.manifest.document.get("origin", {})
    figures["never_seen"] = [" ".join(pair) for pair in vocabularies.never_seen(catalog_pairs())]
    figures["unknown_labels"] = {head: _unknown(kept, labels[:, column], head) for column, head in enumerate(HEADS)}
    if not_cars is not None:
        files = sorted(path for path in not_cars.rglob("*") if path.suffix.lower() in SUFFIXES)
        records_of_others = (PhotoRecord(path) for path in files)
        told = _told(records_of_others, partial(progress, "photos of other things"), len(files))
        others, shown = predict_all(predictor, told, skipped)
        refused = refusal_scores(others, rules.refusal) < rules.refusal_threshold if shown else np.zeros(0)
        figures |= {"others": len(shown), "others_refused": float(refused.mean()) if shown else 0.0}
    best = best_answers(decode(logits, table, rules), table)
    confused = most_confused(best, labels, vocabularies, [str(record.path) for record in kept])
    return EvaluatedPhotos(figures, confused, skipped)


def _told(records: Iterable[PhotoRecord], tell: Callable[[int, int], None], total: int) -> Iterator[PhotoRecord]:
    for number, record in enumerate(records, start=1):
        yield record
        tell(number, total)


def _unknown(records: list[PhotoRecord], places: IntArray, head: str) -> int:
    """Return how many photos have a label that was never learned."""
    named = [
        getattr(record.labels, head) is not None and (head != "color" or record.color_weight == 1) for record in records
    ]
    return int((np.array(named) & (places == MISSING)).sum())


def predict_all(
    predictor: PhotoPredictor, records: Iterable[PhotoRecord], skipped: Skipped
) -> tuple[Logits, list[PhotoRecord]]:
    """Return the logits of all readable photos and their records; one batch of photos is in memory at a time."""
    parts: list[dict[str, Any]] = []
    kept: list[PhotoRecord] = []
    for batch in _batches(records, skipped):
        parts.append(predictor.logits([photo for _, photo in batch]))
        kept += [record for record, _ in batch]
    return {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else ())}, kept


def _batches(records: Iterable[PhotoRecord], skipped: Skipped) -> Iterator[list[tuple[PhotoRecord, Any]]]:
    batch = []
    for record in records:
        try:
            batch.append((record, read_photo(record.path)))
        except UnreadablePhoto as error:
            skipped.add(str(error), record.path)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
