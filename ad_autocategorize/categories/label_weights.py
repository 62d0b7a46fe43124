"""How much each ad's label counts in training: by where the label came from, and by how many ads its seller has there.

Sellers take a wrong suggestion to be done with the tree. A model that learned from such labels as from any other would be
confirmed in its mistakes, a feedback loop; one that learned nothing from them would forget the titles that it had right.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.models import ReviewDecision, SuggestionEvent
from ad_autocategorize.sources import LabelledTitle

PLAIN, ECHOED, CORRECTED, MODERATED = "plain", "echoed", "corrected", "moderated"
Action = ReviewDecision.Action
# When, from which category and to which.
_Move = tuple[datetime, int | None, int | None]


@dataclass(frozen=True, slots=True)
class LabelWeights:
    """The sample weights of a training's ads, in their order, and where they come from.

    Attributes
    ----------
    weights : how much each ad's label counts, 1 for one that nothing is known of.
    labellers : the seller who gave each label; "" if a moderator gave it, or if no seller is known.
    origins : the number of labels of each label source: plain, echoed, corrected, moderated.
    capped : the number of ads whose weight ``ADS_PER_SELLER`` has lowered.
    """

    weights: list[float]
    labellers: list[str]
    origins: Counter[str]
    capped: int

    def part(self, places: Sequence[int]) -> LabelWeights:
        """Return what there is of the ads at these places; the counts stay those of all."""
        weights = [self.weights[place] for place in places]
        labellers = [self.labellers[place] for place in places]
        return LabelWeights(weights, labellers, self.origins, self.capped)


def weigh_labels(ads: Sequence[LabelledTitle], source: str = "") -> LabelWeights:
    """Return how much each label of a source's ads counts; two queries, however many ads."""
    by_origin = {
        PLAIN: 1.0,
        ECHOED: float(plugin_settings.ECHOED_LABEL_WEIGHT),
        CORRECTED: float(plugin_settings.CORRECTED_LABEL_WEIGHT),
        MODERATED: float(plugin_settings.MODERATED_LABEL_WEIGHT),
    }
    decided = _Decided.read(source)
    told = _told_by_forms(decided, source)
    origins = [_origin_of(ad, told, decided) for ad in ads]
    uncapped = [by_origin[origin] for origin in origins]
    labellers = ["" if origin == MODERATED else ad.seller for ad, origin in zip(ads, origins, strict=True)]
    weights = cap_sellers([ad.category_id for ad in ads], labellers, uncapped, plugin_settings.ADS_PER_SELLER)
    capped = sum(before != after for before, after in zip(uncapped, weights, strict=True))
    return LabelWeights(weights, labellers, Counter(origins), capped)


@dataclass(frozen=True, slots=True)
class _Decided:
    """Where moderators have filed ads, and where merges have moved ads, about which nobody decided one by one."""

    filed: dict[str, int | None]
    moved: dict[str, list[_Move]]

    @classmethod
    def read(cls, source: str) -> _Decided:
        """Return what the decisions that stand say, the latest last."""
        decided = cls({}, defaultdict(list))
        standing = (
            ReviewDecision.objects.filter(source=source, undone_by=None).exclude(action=Action.UNDONE).order_by("pk")
        )
        rows = standing.values_list("ad_id", "model", "created_at", "from_category_id", "to_category_id")
        for ad_id, model, when, former, target in rows.iterator():
            if model:
                decided.filed[ad_id] = target
                continue
            decided.moved[ad_id].append((when, former, target))
            if ad_id in decided.filed and decided.filed[ad_id] == former:
                decided.filed[ad_id] = target
        return decided

    def follow(self, ad_id: str, category_id: int | None, since: datetime) -> int | None:
        """Return where an ad is that has been in a category ``since``, if merges alone have moved it."""
        for when, source, target in self.moved.get(ad_id, ()):
            if when > since and source == category_id:
                category_id = target
        return category_id


def _told_by_forms(decided: _Decided, source: str) -> dict[str, tuple[str, int | None]]:
    """Return what became of the suggestions when the ads' forms were last saved: the label's origin, and the label itself.

    What a client of the API told is left out: anybody may call it, about any ad. So are the times that an ad was edited and
    stayed where it was, which tell nothing of how it got there.
    """
    rows = (
        SuggestionEvent.objects.filter(source=source, from_form=True)
        .exclude(handling=SuggestionEvent.Handling.HELD)
        .order_by("pk")
    )
    values = rows.values_list("ad_id", "handling", "outcome", "category_id", "created_at")
    return {
        ad_id: (_origin(handling, outcome), decided.follow(ad_id, category_id, when))
        for ad_id, handling, outcome, category_id, when in values.iterator()
    }


def _origin_of(ad: LabelledTitle, told: Mapping[str, tuple[str, int | None]], decided: _Decided) -> str:
    key = str(ad.ad_id)
    if key in decided.filed and decided.filed[key] == ad.category_id:
        return MODERATED
    origin, category_id = told.get(key, (PLAIN, None))
    # Filed elsewhere since, with no suggestion before whoever did it: a correction of what the form had left.
    return origin if category_id in (None, ad.category_id) else CORRECTED


def _origin(handling: str, outcome: str) -> str:
    if handling == SuggestionEvent.Handling.TAKEN:
        return ECHOED
    if handling == SuggestionEvent.Handling.CHANGED or outcome == SuggestionEvent.Outcome.OVERRULED:
        return CORRECTED
    # Found in the tree on one's own, and suggested as well.
    return PLAIN


def cap_sellers(
    categories: Sequence[Hashable], sellers: Sequence[str], weights: list[float], most: float | None
) -> list[float]:
    """Return the weights with those of a seller's ads in one category scaled down to ``most`` together; "" is no seller.

    A seller who has a category to himself dominates nobody there: a site whose ads all come from one account learns as ever.
    """
    if most is None:
        return weights
    places = list(zip(categories, sellers, strict=True))
    together: defaultdict[Hashable, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for (category, seller), weight in zip(places, weights, strict=True):
        together[category][seller] += weight
    return [
        weight * min(1.0, most / together[category][seller]) if seller and len(together[category]) > 1 else weight
        for (category, seller), weight in zip(places, weights, strict=True)
    ]
