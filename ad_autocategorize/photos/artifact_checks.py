"""Whether the manifest of a photo model is plausible, checked once when the model is loaded."""

from __future__ import annotations

import math
from typing import Any

from ad_autocategorize.photos.answers import Rules
from ad_autocategorize.photos.preprocessing import Preprocessing
from ad_autocategorize.photos.relations import GIVEN
from ad_autocategorize.photos.vocabularies import HEADS, Vocabularies

# The longest side of the network's input, in pixels: a batch of larger ones would take gigabytes.
_LARGEST_SIDE = 2_048


def check_photo_manifest(vocabularies: Vocabularies, rules: Rules, prepare: Preprocessing) -> None:
    """Raise ``ValueError`` if a number is out of range, or the parts do not fit one another."""
    if max(prepare.height, prepare.width) > _LARGEST_SIDE:
        raise ValueError(f"an input of {prepare.height} x {prepare.width} pixels")
    numbers = [
        rules.pair_weight,
        rules.refusal_threshold,
        rules.agreement,
        prepare.lowest,
        prepare.highest,
        *rules.thresholds.values(),
    ]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a threshold or weight that is no number")
    sizes = vocabularies.sizes
    for relation in rules.relations:
        if relation.lifts.shape != (sizes[GIVEN], sizes[relation.told]):
            raise ValueError(f"a relation of {GIVEN} to {relation.told} that does not fit")


def check_outputs(session: Any, vocabularies: Vocabularies) -> None:
    """Raise ``ValueError`` unless a session has one input, and an output of each head's size."""
    if len(session.get_inputs()) != 1:
        raise ValueError(f"{len(session.get_inputs())} inputs")
    sizes = {output.name: list(output.shape)[-1:] for output in session.get_outputs()}
    for head in HEADS:
        # A head without values has one output, which is not used.
        wanted = max(1, vocabularies.sizes[head])
        if sizes.get(head) != [wanted]:
            raise ValueError(f"{sizes.get(head)} outputs for {vocabularies.sizes[head]} values of {head}")
