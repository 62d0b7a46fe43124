"""What to do next, in words, about a photo network that was tested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from ad_autocategorize.photos.vocabularies import HEADS
from ad_autocategorize.sources.cars import HEADINGS
from ad_autocategorize.templatetags.ad_autocategorize_reports import count, percent

# The report begins with so much of it.
STEPS = 3
# Fewer ads than this leave a figure open by more than ten points.
FEW_ADS = 100
# What another weight or threshold has to promise before it is worth a change.
WORTHWHILE = 0.02
# The share of the values that a network must know, and of the cars that it may refuse.
MANY_UNKNOWN, MANY_REFUSED, MANY_ACCEPTED = 0.05, 0.03, 0.05

Values = Mapping[str, Any]


def next_steps(figures: Values) -> list[str]:
    """Return advice in the active language, the most urgent first; one sentence where there is nothing to do.

    Parameters
    ----------
    figures : what ``evaluate_photos`` gives.
    """
    steps = [*_wrong_promises(figures), *_better_choices(figures), *_more_photos(figures), *_refusals(figures)]
    return steps or [_("Nothing: the figures keep what the settings promise. Test again when there are more ads.")]


def field_name(head: str) -> str:
    """Return what people call a head."""
    return str(HEADINGS.get(head, head))


def _wrong_promises(figures: Values) -> Iterator[str]:
    """Fields that are filled in with too many wrong values."""
    for head, row in figures["heads"].items():
        if row["filled_in_high"] is not None and row["filled_in_high"] < figures["precision"]:
            values = {
                "field": field_name(head),
                "right": percent(row["filled_in_right"]),
                "wanted": percent(figures["precision"], 0),
            }
            yield (
                _(
                    "%(field)s: of the values filled in only %(right)s are right, %(wanted)s are wanted. Run retrain_cnn, which "
                    "chooses the threshold anew on today's photos."
                )
                % values
            )


def _better_choices(figures: Values) -> Iterator[str]:
    """Weights and thresholds that would be better than those in service."""
    weights = {float(weight): row for weight, row in figures["pair_weights"].items()}
    served = weights.get(figures["pair_weight"])
    best = max(weights, key=lambda weight: sum(weights[weight].values()))
    if served is not None and sum(weights[best].values()) - sum(served.values()) > 2 * WORTHWHILE:
        gain = percent((sum(weights[best].values()) - sum(served.values())) / 2)
        yield _(
            "Brand and model would be right in %(gain)s more of the ads if the model branch weighed %(best)s instead of "
            "%(served)s. Run retrain_cnn, which chooses the weight anew."
        ) % {"gain": gain, "best": f"{best:g}", "served": f"{figures['pair_weight']:g}"}
    for head, row in figures["heads"].items():
        if row["could_be_filled_in"] - row["filled_in"] > WORTHWHILE and row["support"] >= FEW_ADS:
            yield _(
                "%(field)s could be filled in for %(could)s of the ads instead of %(now)s and still be right as often as "
                "wanted. Run retrain_cnn, which chooses the threshold anew."
            ) % {
                "field": field_name(head),
                "could": percent(row["could_be_filled_in"]),
                "now": percent(row["filled_in"]),
            }


def _more_photos(figures: Values) -> Iterator[str]:
    """Labels and photos that are missing."""
    for head in HEADS:
        tested = figures["heads"].get(head, {}).get("support", 0)
        if tested < FEW_ADS:
            yield _(
                "%(field)s was tested on %(ads)s ads alone, which says little: collect more photos with this label."
            ) % {"field": field_name(head), "ads": count(tested)}
    if figures["never_seen"]:
        yield _(
            "%(models)s models of the catalog can never be answered, since no photo of them was learned: collect photos of "
            "them, or import a set with import_car_photos."
        ) % {"models": count(len(figures["never_seen"]))}
    if sum(figures["unknown_labels"].values()) > MANY_UNKNOWN * figures["photos"]:
        yield _("Many labels of the test are newer than the network. Run retrain_cnn to learn them.")


def _refusals(figures: Values) -> Iterator[str]:
    if figures["cars_refused"] > MANY_REFUSED:
        yield _(
            "%(share)s of the cars are taken for something else. Look at which, and add photos like them to the training."
        ) % {"share": percent(figures["cars_refused"])}
    if figures.get("others") and 1 - figures["others_refused"] > MANY_ACCEPTED:
        yield _(
            "%(share)s of the photos of other things are taken for cars: add photos of other things to an imported set."
        ) % {"share": percent(1 - figures["others_refused"])}
    if figures["ads_that_disagree"] > MANY_REFUSED * figures["ads"]:
        yield _(
            "In %(ads)s ads the photos seem to show different cars. Look at some: sellers may show several cars in one ad."
        ) % {"ads": count(figures["ads_that_disagree"])}
