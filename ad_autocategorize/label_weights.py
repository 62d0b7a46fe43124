"""How much each ad's label counts in training: by where the label came from, and by how many ads its seller has there.

Sellers take a wrong suggestion to be done with the tree. A model that learned from such labels as from any other would hear
its own voice; one that learns nothing from them would forget the titles that it had right.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.events import SuggestionEvent
from ad_autocategorize.moderation.models import ReviewDecision
from ad_autocategorize.sources import LabelledTitle

PLAIN, ECHOED, CORRECTED, MODERATED = "plain", "echoed", "corrected", "moderated"
Action = ReviewDecision.Action


@dataclass(frozen=True, slots=True)
class LabelWeights:
    """The weight of each ad's label, how many labels there are of each origin, and how many ads the cap on sellers touched."""

    weights: list[float]
    origins: Counter[str]
    capped: int


def weigh_labels(ads: Sequence[LabelledTitle]) -> LabelWeights:
    """Return how much each ad's label counts; two queries, however many ads."""
    by_origin = {
        PLAIN: 1.0,
        ECHOED: float(plugin_settings.ECHOED_LABEL_WEIGHT),
        CORRECTED: float(plugin_settings.CORRECTED_LABEL_WEIGHT),
        MODERATED: float(plugin_settings.MODERATED_LABEL_WEIGHT),
    }
    told, decided = _told_by_forms(), _decided_by_moderators()
    origins = [
        MODERATED if decided.get(str(ad.ad_id)) == ad.category_id else told.get(str(ad.ad_id), PLAIN) for ad in ads
    ]
    plain = [by_origin[origin] for origin in origins]
    weights = cap_sellers(ads, plain, plugin_settings.ADS_PER_SELLER)
    capped = sum(before != after for before, after in zip(plain, weights, strict=True))
    return LabelWeights(weights, Counter(origins), capped)


def _told_by_forms() -> dict[str, str]:
    """Return the origins of labels by what became of the suggestions when the ads' forms were last saved.

    What a client of the API told is left out: anybody may call it, about any ad.
    """
    rows = SuggestionEvent.objects.filter(from_form=True).order_by("pk").values_list("ad_id", "handling", "outcome")
    return {ad_id: _origin(handling, outcome) for ad_id, handling, outcome in rows.iterator()}


def _origin(handling: str, outcome: str) -> str:
    if handling == SuggestionEvent.Handling.TAKEN:
        return ECHOED
    if handling == SuggestionEvent.Handling.CHANGED or outcome == SuggestionEvent.Outcome.OVERRULED:
        return CORRECTED
    # Found in the tree on one's own, and suggested as well.
    return PLAIN


def _decided_by_moderators() -> dict[str, int | None]:
    """Return where moderators left ads, by the latest decision that stands."""
    decided = ReviewDecision.objects.filter(undone_by=None).exclude(action=Action.UNDONE).order_by("pk")
    return dict(decided.values_list("ad_id", "to_category_id").iterator())


def cap_sellers(ads: Sequence[LabelledTitle], weights: list[float], most: float | None) -> list[float]:
    """Return the weights with those of a seller's ads in one category scaled down to ``most`` together.

    A seller who has a category to himself dominates nobody there: a site whose ads all come from one account learns as ever.
    """
    if most is None:
        return weights
    together: defaultdict[int, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for ad, weight in zip(ads, weights, strict=True):
        together[ad.category_id][ad.seller] += weight
    return [
        weight * min(1.0, most / together[ad.category_id][ad.seller])
        if ad.seller and len(together[ad.category_id]) > 1
        else weight
        for ad, weight in zip(ads, weights, strict=True)
    ]
