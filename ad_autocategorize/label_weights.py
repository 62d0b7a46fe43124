"""How much each ad's label counts in training: by where the label came from, and by how many ads its seller has there.

Sellers take a wrong suggestion to be done with the tree. A model that learned from such labels as from any other would hear
its own voice; one that learns nothing from them would forget the titles that it had right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.events import SuggestionEvent
from ad_autocategorize.moderation.models import ReviewDecision
from ad_autocategorize.sources import LabelledTitle

PLAIN = 1.0
Handling = SuggestionEvent.Handling
Action = ReviewDecision.Action


def label_weights(ads: Sequence[LabelledTitle]) -> list[float]:
    """Return the weight of each ad's label; two queries, however many ads."""
    echoed_or_corrected, moderated = _by_form(), _by_moderators()
    weights = [
        plugin_settings.MODERATED_LABEL_WEIGHT
        if moderated.get(str(ad.ad_id)) == ad.category_id
        else echoed_or_corrected.get(str(ad.ad_id), PLAIN)
        for ad in ads
    ]
    return _capped(ads, weights, plugin_settings.ADS_PER_SELLER)


def _by_form() -> dict[str, float]:
    """Return the weights of ads by what became of the suggestions when their forms were last saved.

    What a client of the API told is left out: anybody may call it, about any ad.
    """
    rows = SuggestionEvent.objects.filter(from_form=True).order_by("pk").values_list("ad_id", "handling", "outcome")
    return {ad_id: _weight(handling, outcome) for ad_id, handling, outcome in rows.iterator()}


def _weight(handling: str, outcome: str) -> float:
    if handling == Handling.TAKEN:
        return float(plugin_settings.ECHOED_LABEL_WEIGHT)
    if handling == Handling.CHANGED or outcome == SuggestionEvent.Outcome.OVERRULED:
        return float(plugin_settings.CORRECTED_LABEL_WEIGHT)
    # Found in the tree on one's own, and suggested as well.
    return PLAIN


def _by_moderators() -> dict[str, int | None]:
    """Return where moderators left ads, by the latest decision that stands."""
    decided = ReviewDecision.objects.filter(undone_by=None).exclude(action=Action.UNDONE).order_by("pk")
    return dict(decided.values_list("ad_id", "to_category_id").iterator())


def _capped(ads: Sequence[LabelledTitle], weights: list[float], most: float | None) -> list[float]:
    """Return the weights with those of a seller's ads in one category scaled down to ``most`` together."""
    if most is None:
        return weights
    together: defaultdict[tuple[str, int], float] = defaultdict(float)
    for ad, weight in zip(ads, weights, strict=True):
        together[ad.seller, ad.category_id] += weight
    return [
        weight * min(1.0, most / together[ad.seller, ad.category_id]) if ad.seller else weight
        for ad, weight in zip(ads, weights, strict=True)
    ]
