"""What is known of a new photo network and the one in service, for the gate to judge by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.artifacts import ArtifactError
from ad_autocategorize.cars.catalog import table_of_today
from ad_autocategorize.cars.report import predict_all
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.photos.answers import best_answers, decode, merge
from ad_autocategorize.photos.predictor import PhotoPredictor
from ad_autocategorize.photos.training.dataset import number_groups
from ad_autocategorize.photos.training.images import PhotoRecord, Skipped
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, Vocabularies
from ad_autocategorize.private_copies import whole_folder
from ad_autocategorize.statistics.proportions import Proportion
from ad_autocategorize.versions.gate import BoolArray, Evidence, Group, Labels, Pair, Verdict, judge, judge_first
from ad_autocategorize.versions.outcomes import Outcomes, shared
from ad_autocategorize.versions.provenance import Keys, digest_keys
from taxonomy.models import Brand

# What an outcome says of a field that the ad leaves out.
UNKNOWN = -1
# Before the key of a brand's number of ads.
BRAND = "brand:"


@dataclass(frozen=True, slots=True)
class CarAnswers:
    """What a network answered for ads of cars.

    Attributes
    ----------
    keys : uint64[ads], none twice.
    right : int64[ads, heads]: 1 for a right answer, 0 for a wrong one, -1 where the ad says nothing, or a value never learned.
    """

    keys: Keys
    right: NDArray[np.int64]

    def at(self, places: NDArray[np.intp]) -> CarAnswers:
        """Return the answers for some of the ads."""
        return CarAnswers(self.keys[places], self.right[places])

    def outcomes(self, records: Sequence[PhotoRecord], vocabularies: Vocabularies) -> Outcomes:
        """Return what is kept beside the network; ``records`` are the cars that it was trained, tuned and tested with."""
        columns = {head: self.right[:, column] for column, head in enumerate(HEADS)}
        return Outcomes(self.keys, columns, np.unique(ad_keys(records)), tuple(_values(vocabularies)))


def _values(vocabularies: Vocabularies) -> Iterator[str]:
    """Yield what the heads can answer, in one line each: a head, and the value without line breaks."""
    for head in HEADS:
        for value in getattr(vocabularies, head):
            text = " ".join(value) if isinstance(value, tuple) else str(value)
            yield f"{head}:{' '.join(text.split())}"


def ad_keys(records: Sequence[PhotoRecord]) -> Keys:
    """Return a number for the ad of each photo, uint64[n]; a photo without an ad is its own."""
    return digest_keys(map(_ad_of, records))


def _ad_of(record: PhotoRecord) -> Hashable:
    return str(record.path) if record.group is None else record.group


def ask_cars(predictor: PhotoPredictor, records: Sequence[PhotoRecord]) -> CarAnswers:
    """Ask a network about ads of cars, as it would serve them: an ad's photos are answered together."""
    logits, kept = predict_all(predictor, records, Skipped())
    if not kept:
        return CarAnswers(digest_keys(()), np.empty((0, len(HEADS)), dtype=np.int64))
    vocabularies = predictor.manifest.vocabularies
    labels = vocabularies.encode([record.labels for record in kept])
    # Colors that a model guessed test nothing.
    labels[[record.color_weight < 1 for record in kept], HEADS.index("color")] = MISSING
    groups = number_groups(kept)
    firsts = np.unique(groups, return_index=True)[1]
    table = table_of_today(vocabularies)
    best = best_answers(decode(merge(logits, groups), table, predictor.manifest.rules), table)
    truth = labels[firsts]
    right = (np.column_stack([best[head] for head in HEADS]) == truth).astype(np.int64)
    right[truth == MISSING] = UNKNOWN
    keys, places = np.unique(ad_keys([kept[first] for first in firsts]), return_index=True)
    return CarAnswers(keys, right[places])


def car_counts(records: Sequence[PhotoRecord]) -> list[dict[str, Any]]:
    """Return how many ads state each field, and how many there are of each brand, as ``ModelVersion.counts`` holds them."""
    labels = list({_ad_of(record): record.labels for record in records}.values())
    stated = Counter(head for label in labels for head in HEADS if getattr(label, head) is not None)
    brands = Counter(label.brand for label in labels if label.brand is not None)
    rows = [{"key": head, "name": head, "ads": stated[head]} for head in HEADS if stated[head]]
    return rows + [{"key": BRAND + brand, "name": brand, "ads": ads} for brand, ads in brands.most_common()]


def judge_photos(
    champion: ModelVersion | None,
    answers: CarAnswers,
    records: Sequence[PhotoRecord],
    counts: Sequence[dict[str, Any]],
    *,
    ads: int,
    metrics: dict[str, Any],
    tolerance: float,
) -> Verdict:
    """Judge a new network.

    Parameters
    ----------
    answers : those of the new network for the ads of its hold-out.
    records : the photos of that hold-out.
    counts, ads, metrics : what its version will record.
    """
    if champion is None:
        return _judge_first(answers, records)
    pairs, labels, held_out, new = _compare(champion, answers, records)
    now = {row["key"]: row["ads"] for row in counts}
    brands = set(Brand.objects.values_list("name", flat=True))
    groups = [
        Group(row["name"], row["ads"], now.get(row["key"], 0))
        for row in champion.counts
        if not row["key"].startswith(BRAND) or row["name"] in brands
    ]
    recorded = _right_of(champion.metrics), _right_of(metrics)
    evidence = Evidence(
        champion.name,
        champion.ad_count,
        ads,
        groups,
        labels,
        pairs,
        recorded if all(share.whole for share in recorded) else None,
        held_out=held_out,
        new=new,
    )
    return judge(evidence, tolerance)


def _judge_first(answers: CarAnswers, records: Sequence[PhotoRecord]) -> Verdict:
    """Judge a first network by the brand, which every photo of a car has."""
    brand = answers.right[:, HEADS.index("brand")]
    known = brand[brand != UNKNOWN]
    brands = Counter({_ad_of(record): record.labels.brand for record in records}.values())
    most_common = min(max(brands.values(), default=0), len(known))
    return judge_first(int(known.sum()), len(known), most_common)


def _compare(
    champion: ModelVersion, answers: CarAnswers, records: Sequence[PhotoRecord]
) -> tuple[list[Pair], list[Labels], int, int]:
    """Ask the champion about the ads of the hold-out that it has not learned from.

    Returns the pairs, its answers then and now, and the numbers of ads that both had set aside, and that are new. All are empty
    if its files cannot be read.
    """
    folder = whole_folder(champion.name)
    outcomes = Outcomes.load(folder)
    if outcomes is None or not set(HEADS) <= outcomes.columns.keys():
        return [], [], 0, 0
    keys = ad_keys(records)
    fresh = np.isin(keys, outcomes.keys) | ~np.isin(keys, outcomes.learned)
    try:
        predictor = PhotoPredictor.load(folder, champion.digest)
        today = ask_cars(predictor, [record for record, is_fresh in zip(records, fresh, strict=True) if is_fresh])
    except (ArtifactError, ValueError):
        return [], [], 0, 0
    own, theirs = shared(today.keys, answers.keys)
    pairs = _pairs(today.at(own).right, answers.at(theirs).right)
    here, there = shared(today.keys, outcomes.keys)
    then = np.column_stack([outcomes.columns[head][there] for head in HEADS])
    return pairs, _labels(then, today.at(here).right), len(here), len(own) - len(here)


def _pairs(champion: NDArray[np.int64], challenger: NDArray[np.int64]) -> list[Pair]:
    """Return which ads each has right, in all fields that both know and by field."""
    known = (champion != UNKNOWN) & (challenger != UNKNOWN)
    some = known.any(axis=1)
    whole = [((right == 1) | ~known).all(axis=1)[some] for right in (champion, challenger)]
    pairs = [Pair("", *whole)]
    for column, head in enumerate(HEADS):
        part = known[:, column]
        pairs.append(Pair(head, champion[part, column] == 1, challenger[part, column] == 1))
    return pairs


def _labels(then: NDArray[np.int64], today: NDArray[np.int64]) -> list[Labels]:
    """Return by field how right the champion was, and how right it is by today's labels."""
    found = []
    for column, head in enumerate(HEADS):
        known: BoolArray = (then[:, column] != UNKNOWN) & (today[:, column] != UNKNOWN)
        found.append(Labels(head, then[known, column] == 1, today[known, column] == 1))
    return found


def _right_of(metrics: dict[str, Any]) -> Proportion:
    """Return how many ads of a hold-out had all known fields right; of none where that was not measured."""
    ads = int(metrics.get("ads", 0))
    return Proportion(round(metrics.get("all_known_heads_right", 0.0) * ads), ads)
