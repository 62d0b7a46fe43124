"""Whether what a photo model's manifest says can be: looked at once, as it is loaded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ad_autocategorize.photos.vocabularies import HEADS

if TYPE_CHECKING:
    from ad_autocategorize.photos.artifact import PhotoManifest

# A side of the network's input in pixels: a batch of larger ones would take gigabytes.
_LARGEST_SIDE = 2_048


def check_photo_manifest(manifest: PhotoManifest) -> None:
    """Raise ``ValueError`` where a number is out of range, or the parts do not fit one another."""
    prepare, rules = manifest.preprocessing, manifest.rules
    if not 1 <= min(prepare.height, prepare.width) <= max(prepare.height, prepare.width) <= _LARGEST_SIDE:
        raise ValueError(f"an input of {prepare.height} x {prepare.width} pixels")
    numbers = [rules.pair_weight, rules.refusal_threshold, rules.agreement, *rules.thresholds.values()]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a threshold or weight that is no number")
    sizes = manifest.vocabularies.sizes
    for relation in rules.relations:
        if relation.lifts.shape != (sizes["model"], sizes[relation.told]):
            raise ValueError(f"a relation of the model to {relation.told} that does not fit")


def check_outputs(session: Any, manifest: PhotoManifest) -> None:
    """Raise ``ValueError`` unless a session has one input, and an output of each head's size."""
    if len(session.get_inputs()) != 1:
        raise ValueError(f"{len(session.get_inputs())} inputs")
    sizes = {output.name: list(output.shape)[-1:] for output in session.get_outputs()}
    for head in HEADS:
        if sizes.get(head) != [manifest.vocabularies.sizes[head]]:
            raise ValueError(f"{sizes.get(head)} outputs for {manifest.vocabularies.sizes[head]} values of {head}")
