"""The ads of a training as they are read, and what a training learned from them, of all of them or of what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_autocategorize.categories.item_photos import PhotoLearning
from ad_autocategorize.categories.judging import LearnedTitles
from ad_autocategorize.categories.label_weights import LabelWeights
from ad_autocategorize.categories.learned_words import LearnedWords, learned_words
from ad_autocategorize.sources import LabelledTitle
from ad_autocategorize.titles.settings import TitleSettings
from taxonomy.tree import CategoryTree

if TYPE_CHECKING:
    # The training side.
    from ad_autocategorize.titles.evaluation import HeldOutAnswers
    from ad_autocategorize.titles.training.changes import FiledTitles
    from ad_autocategorize.titles.training.checkpoint import Trained
    from ad_autocategorize.titles.training.state import TrainingState

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class ReadAds:
    """The ads of a source as they were read, and how much their labels count, in one order."""

    ads: Sequence[LabelledTitle]
    labels: LabelWeights

    def learned_words(self, settings: TitleSettings, vocabulary: AbstractSet[str] | None = None) -> LearnedWords:
        """Return the words of each title that may be learned, with the vocabulary of a model that is gone on from."""
        return learned_words(self.ads, self.labels.labellers, settings, vocabulary)

    def with_titles(
        self, words: LearnedWords, settings: TitleSettings, tree: CategoryTree, skipped: Counter[str]
    ) -> tuple[LearnedTitles, LabelWeights]:
        """Return the ads that have a word to learn from, given what is learned from of each; the others are counted."""
        from ad_autocategorize.titles.training.examples import tokenize

        titles = words.titles
        kept = tokenize(titles, settings)[1]
        skipped["nothing left of the title"] = len(titles) - len(kept)
        learned = [self.ads[place] for place in kept]
        paths = [tree.path_ids(ad.category_id) for ad in learned]
        keys, written = [ad.ad_id for ad in learned], [ad.title for ad in learned]
        ads = LearnedTitles.of(keys, written, [titles[place] for place in kept], paths, words.unlisted)
        return ads, self.labels.part(kept)


@dataclass(frozen=True, slots=True)
class Learned:
    """What a training learned.

    Attributes
    ----------
    ads, labels : what it learned from.
    held : its test on a hold-out.
    served : the model to serve, which has learned from all of the ads.
    photos : what photos add to it.
    incremental : of a training of changed nodes alone how much was trained, for the version's metrics.
    """

    ads: LearnedTitles
    labels: LabelWeights
    held: HeldOutAnswers
    served: Trained
    photos: PhotoLearning = field(default_factory=PhotoLearning)
    incremental: dict[str, Any] = field(default_factory=dict)

    def state(self, name: str) -> TrainingState:
        """Return what the next training can go on from; ``name`` is that of the version."""
        from ad_autocategorize.titles.training.state import TrainingState

        is_tested = np.ones(len(self.ads.paths), dtype=np.bool_)
        is_tested[self.held.learned] = False
        whole, changed = self.incremental.get("whole", name), self.incremental.get("changed_since", 0)
        return TrainingState(self.served, self.held.tested, filed(self.ads, self.labels), is_tested, whole, changed)


def filed(ads: LearnedTitles, labels: LabelWeights) -> FiledTitles:
    """Return the ads as trainings compare them."""
    from ad_autocategorize.titles.training.changes import FiledTitles

    return FiledTitles.of(ads.keys, list(map(ads.told, ads.titles)), ads.paths, labels.weights)
