"""Whether the ads of today still look like those that a title model was tested on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from ad_autocategorize.categories.private_words import without_contacts
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.sources import AdSource
from ad_autocategorize.statistics.proportions import Difference, Proportion
from ad_autocategorize.statistics.stability import stability_index
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from taxonomy.tree import CategoryTree

# Bins of the best category's probability, each of one width.
BINS = 10
ONE_DAY = timedelta(days=1)
# Fewer new ads say little, and more cost time.
FEWEST_ADS, MOST_ADS = 100, 5000


@dataclass(frozen=True, slots=True)
class Profile:
    """What ads look like to a model that has not learned from them.

    Attributes
    ----------
    branches : number of ads by the key of their main category.
    confidence : number of ads whose best category has a probability below 0.1, below 0.2, and so on.
    words, unknown_words : number of words in the titles, and of those that the model has never seen.
    """

    branches: Mapping[str, int] = field(default_factory=dict)
    confidence: Sequence[int] = (0,) * BINS
    words: int = 0
    unknown_words: int = 0

    @property
    def ads(self) -> int:
        """How many ads there are."""
        return sum(self.confidence)

    @property
    def unknown(self) -> Proportion:
        """The share of unknown words."""
        return Proportion(self.unknown_words, self.words)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON takes, for ``from_dict``."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Profile:
        """Read what ``to_dict`` returned."""
        return cls(values["branches"], tuple(values["confidence"]), values["words"], values["unknown_words"])


@dataclass(frozen=True, slots=True)
class Drift:
    """How far new ads have moved from those of the hold-out.

    Attributes
    ----------
    ads : number of new ads looked at.
    branches, confidence : population stability index of the main categories and of the confidence.
    unknown : share of unknown words now, and then.
    """

    ads: int
    branches: float
    confidence: float
    unknown: Difference


def profile(
    titles: Iterable[str],
    branches: Iterable[int],
    confidence: Iterable[float],
    known: frozenset[str],
    settings: TitleSettings,
) -> Profile:
    """Describe ads: their titles as sellers wrote them, the keys of their main categories, and how sure the model was.

    ``known`` are the words that the model has learned.
    """
    normalize = Normalizer(settings)
    words = unknown = 0
    for title in titles:
        found = normalize(without_contacts(title[: plugin_settings.MAX_TITLE_LENGTH]))
        words += len(found)
        unknown += sum(word not in known for word in found)
    bins = Counter(min(int(value * BINS), BINS - 1) for value in confidence)
    counted = Counter(str(pk) for pk in branches)
    return Profile(dict(counted), tuple(bins[number] for number in range(BINS)), words, unknown)


def measure_drift(source: AdSource, version: ModelVersion, scorer: TitleScorer, *, language: str = "") -> Drift | None:
    """Compare the ads that were published since a version was trained with its hold-out.

    ``None`` where they are too few, or where the version says nothing of its hold-out. Raises ``SourceError`` where the source
    names no date.
    """
    then = version.metrics.get("profile")
    if then is None:
        return None
    now = _new_ads(source, version, scorer, language)
    if now.ads < FEWEST_ADS:
        return None
    before = Profile.from_dict(then)
    branches = sorted({*before.branches, *now.branches})
    return Drift(
        now.ads,
        stability_index(
            [before.branches.get(key, 0) for key in branches], [now.branches.get(key, 0) for key in branches]
        ),
        stability_index(before.confidence, now.confidence),
        Difference(now.unknown, before.unknown),
    )


def _new_ads(source: AdSource, version: ModelVersion, scorer: TitleScorer, language: str) -> Profile:
    # Of the day after: ads of the day itself may have been learned from.
    since = (version.created_at + ONE_DAY).date()
    tree = CategoryTree.load(include_inactive=True)
    ads = list(source.iter_titles(since=since, limit=MOST_ADS, language=language or None))
    titles = [ad.title for ad in ads]
    branches = [tree.path_ids(ad.category_id)[0] for ad in ads]
    cut = [title[: plugin_settings.MAX_TITLE_LENGTH] for title in titles]
    confidence = scorer.rank(cut, 1)[1][:, 0].tolist() if cut else []
    return profile(titles, branches, confidence, scorer.words, scorer.settings)
