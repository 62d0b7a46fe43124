"""What out-of-fold predictions and titles say of the category tree itself. Training side: imports scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.settings import TitleSettings

# Share of a category's ads that must look like the other's, both ways, for the pair to be worth merging.
MERGE_SHARE = 0.1
# Categories with fewer ads are neither merged nor split on their evidence.
MERGE_ADS = 10
SPLIT_ADS = 80
MAX_CLUSTERS = 4
# The smallest part of a category that counts as a cluster of its own.
CLUSTER_SHARE = 0.15
# Mean silhouette (Rousseeuw, 1987) of titles in the reduced space from which clusters count as real.
SPLIT_SILHOUETTE = 0.15
DIMENSIONS = 16
SAMPLE = 600
CLUSTER_WORDS = 4
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class ConfusedPair:
    """Two sibling categories that take each other's ads; ``there`` and ``back`` are the shares that look like the other."""

    first: int
    second: int
    there: float
    back: float


@dataclass(frozen=True, slots=True)
class HiddenClusters:
    """A category whose titles fall apart: words that tell each cluster, its share of the ads, and example positions."""

    category: int
    silhouette: float
    words: tuple[tuple[str, ...], ...]
    shares: tuple[float, ...]
    examples: tuple[tuple[int, ...], ...]


def confused_pairs(
    confusion: NDArray[np.float64], siblings: NDArray[np.bool_], counts: NDArray[np.intp]
) -> list[ConfusedPair]:
    """Return the pairs to think of merging, the most confused first; arrays as ``mislabels.LabelQuality`` has them."""
    enough = counts >= MERGE_ADS
    mutual = np.minimum(confusion, confusion.T) * (siblings & enough[:, None] & enough[None, :])
    firsts, seconds = np.nonzero(np.triu(mutual) >= MERGE_SHARE)
    pairs = [
        ConfusedPair(int(a), int(b), float(confusion[a, b]), float(confusion[b, a]))
        for a, b in zip(firsts, seconds, strict=True)
    ]
    return sorted(pairs, key=lambda pair: -min(pair.there, pair.back))


def hidden_clusters(
    titles: Sequence[str], given: NDArray[np.intp], categories: Sequence[Path], settings: TitleSettings
) -> list[HiddenClusters]:
    """Return the leaf categories whose titles form clusters of their own, the clearest first."""
    inner = {path[:depth] for path in categories for depth in range(1, len(path))}
    found = []
    for category in np.flatnonzero(np.bincount(given, minlength=len(categories)) >= SPLIT_ADS).tolist():
        if categories[category] in inner:
            continue
        rows = np.flatnonzero(given == category)
        if len(rows) > SAMPLE:
            rows = np.sort(np.random.default_rng(0).choice(rows, SAMPLE, replace=False))
        clusters = _cluster(category, [titles[row] for row in rows.tolist()], rows, settings)
        if clusters is not None:
            found.append(clusters)
    return sorted(found, key=lambda clusters: -clusters.silhouette)


def _cluster(
    category: int, titles: list[str], rows: NDArray[np.intp], settings: TitleSettings
) -> HiddenClusters | None:
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import silhouette_score
    from sklearn.preprocessing import normalize

    vectorizer = TfidfVectorizer(analyzer=Normalizer(settings), min_df=3, sublinear_tf=True)
    try:
        words = vectorizer.fit_transform(titles)
    except ValueError:
        # No word is in three titles.
        return None
    if words.shape[1] <= DIMENSIONS:
        return None
    points = normalize(TruncatedSVD(DIMENSIONS, random_state=0).fit_transform(words))
    best: tuple[float, NDArray[np.intp]] | None = None
    for count in range(2, MAX_CLUSTERS + 1):
        labels = KMeans(count, n_init=1, random_state=0).fit_predict(points)
        sizes = np.bincount(labels, minlength=count)
        if sizes.min() < CLUSTER_SHARE * len(titles):
            continue
        score = float(silhouette_score(points, labels))
        if best is None or score > best[0]:
            best = score, labels
    if best is None or best[0] < SPLIT_SILHOUETTE:
        return None
    score, labels = best
    names = vectorizer.get_feature_names_out()
    present = words > 0
    told, shares, examples = [], [], []
    for cluster in range(labels.max() + 1):
        inside = labels == cluster
        lead = np.asarray(present[inside].mean(axis=0)).ravel() - np.asarray(present[~inside].mean(axis=0)).ravel()
        told.append(tuple(str(names[i]) for i in np.argsort(-lead)[:CLUSTER_WORDS]))
        shares.append(float(inside.mean()))
        examples.append(tuple(int(row) for row in rows[inside][:EXAMPLES]))
    return HiddenClusters(category, score, tuple(told), tuple(shares), tuple(examples))
