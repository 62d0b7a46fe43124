"""From a photo to the network's input, the same in training, evaluation and serving; Pillow and NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ad_autocategorize.photos.uploads.pixels import on_white, with_eight_bits

# Of a side: a view that leaves more than that out would cut the car.
LARGEST_ZOOM = 2.0


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Stretches a photo and scales its values. Part of the exported model, which says all that serving needs.

    Attributes
    ----------
    height, width : of the network's input, in pixels.
    zoom : how much larger than that the photo is made, whose centre is then looked at: 1 for the whole of it.
    lowest, highest : what the graph expects for black and for white.
    """

    height: int
    width: int
    zoom: float = 1.0
    lowest: float = 0.0
    highest: float = 1.0

    def __post_init__(self) -> None:
        """Raise ``ValueError`` where there is no such input."""
        if self.height < 1 or self.width < 1 or not 1 <= self.zoom <= LARGEST_ZOOM or self.lowest >= self.highest:
            raise ValueError(f"no input of a network: {self}")

    def resize(self, photo: Image.Image) -> NDArray[np.uint8]:
        """Return the view of the photo as uint8[height, width, 3]."""
        return stretch(photo, self.height, self.width, self.zoom)

    def normalize(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return uint8[n, height, width, 3] as the input float32[n, 3, height, width]."""
        step = np.float32((self.highest - self.lowest) / 255)
        scaled = pixels.transpose(0, 3, 1, 2).astype(np.float32) * step + np.float32(self.lowest)
        return np.ascontiguousarray(scaled)

    def to_dict(self) -> dict[str, Any]:
        """Return it in JSON's types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Preprocessing:
        """Read what ``to_dict`` gave. Raises ``KeyError``, ``TypeError`` and ``ValueError``."""
        real = (float(document[name]) for name in ("zoom", "lowest", "highest"))
        return cls(int(document["height"]), int(document["width"]), *real)


def stretch(photo: Image.Image, height: int, width: int, zoom: float = 1.0) -> NDArray[np.uint8]:
    """Return the centre of a photo of any mode, all of it with a zoom of 1, as uint8[height, width, 3]."""
    # Sellers crop as they like: stretching keeps every part of the car, where a square from the centre would cut its ends off.
    plain = on_white(with_eight_bits(photo))
    left, top = (side * (1 - 1 / zoom) / 2 for side in plain.size)
    box = (left, top, plain.width - left, plain.height - top)
    small = plain.resize((width, height), Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)
    return np.asarray(small, dtype=np.uint8)
