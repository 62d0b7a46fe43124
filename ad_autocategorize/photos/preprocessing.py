"""From a photo to the network's input, the same in training, evaluation and serving; Pillow and NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ad_autocategorize.photos.uploads.pixels import on_white, with_eight_bits

# A larger zoom would leave out more than half of each side, and cut the car.
LARGEST_ZOOM = 2.0


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Resizes a photo and scales its values. It is part of the exported model, so that training and serving do the same.

    Attributes
    ----------
    height, width : of the network's input, in pixels.
    zoom : the input shows the centre of the photo, ``1 / zoom`` of each side: 1 for the whole photo.
    lowest, highest : the values that the graph expects for black and for white.
    """

    height: int
    width: int
    zoom: float = 1.0
    lowest: float = 0.0
    highest: float = 1.0

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for values that no input can have."""
        if self.height < 1 or self.width < 1 or not 1 <= self.zoom <= LARGEST_ZOOM or self.lowest >= self.highest:
            raise ValueError(f"no input of a network: {self}")

    def resize(self, photo: Image.Image) -> NDArray[np.uint8]:
        """Return a photo as uint8[height, width, 3]."""
        return stretch(photo, self.height, self.width, self.zoom)

    def normalize(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return uint8[n, height, width, 3] as the input float32[n, 3, height, width]."""
        step = np.float32((self.highest - self.lowest) / 255)
        scaled = pixels.transpose(0, 3, 1, 2).astype(np.float32) * step + np.float32(self.lowest)
        return np.ascontiguousarray(scaled)

    def to_dict(self) -> dict[str, Any]:
        """Return the preprocessing in JSON's types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Preprocessing:
        """Make a preprocessing of what ``to_dict`` returned. Raises ``KeyError``, ``TypeError`` and ``ValueError``."""
        real = (float(document[name]) for name in ("zoom", "lowest", "highest"))
        return cls(int(document["height"]), int(document["width"]), *real)


def stretch(photo: Image.Image, height: int, width: int, zoom: float = 1.0) -> NDArray[np.uint8]:
    """Return the centre of a photo of any mode, ``1 / zoom`` of each side, as uint8[height, width, 3].

    Its proportions are not kept: sellers crop photos as they like, and cropping again would cut the ends of the car off.
    """
    plain = on_white(with_eight_bits(photo))
    left, top = (side * (1 - 1 / zoom) / 2 for side in plain.size)
    box = (left, top, plain.width - left, plain.height - top)
    small = plain.resize((width, height), Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)
    return np.asarray(small, dtype=np.uint8)
