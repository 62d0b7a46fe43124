"""From a photo to the network's input, the same in training, evaluation and serving; Pillow and NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# The mean and spread of ImageNet's channels, which published weights were trained with.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Stretches a photo to ``height`` x ``width`` pixels and scales its channels. Part of the exported model."""

    height: int
    width: int
    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD

    def resize(self, photo: Image.Image) -> NDArray[np.uint8]:
        """Return the photo as uint8[height, width, 3]."""
        return stretch(photo, self.height, self.width)

    def normalize(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return uint8[n, height, width, 3] as the input float32[n, 3, height, width]."""
        mean, std = np.array(self.mean, dtype=np.float32), np.array(self.std, dtype=np.float32)
        scaled = (pixels.astype(np.float32) / np.float32(255) - mean) / std
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))

    def to_dict(self) -> dict[str, Any]:
        """Return it in JSON's types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Preprocessing:
        """Read what ``to_dict`` gave. Raises ``KeyError``, ``TypeError`` and ``ValueError``."""
        red, green, blue = document["mean"]
        mean = (float(red), float(green), float(blue))
        red, green, blue = document["std"]
        return cls(int(document["height"]), int(document["width"]), mean, (float(red), float(green), float(blue)))


def stretch(photo: Image.Image, height: int, width: int) -> NDArray[np.uint8]:
    """Return a photo of any mode as uint8[height, width, 3]."""
    # Sellers crop as they like: stretching keeps every part of the car, where a centre crop would cut its ends off.
    small = on_white(with_eight_bits(photo)).resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(small, dtype=np.uint8)


def with_eight_bits(photo: Image.Image) -> Image.Image:
    """Return a photo as RGB or RGBA, whatever its samples: 1 or 16 bits, gray, palette, CMYK."""
    if photo.mode.startswith("I"):
        # Pillow would clip 16 bits at 255 instead of scaling them.
        return photo.point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    return photo.convert("RGBA" if photo.has_transparency_data else "RGB")


def on_white(photo: Image.Image) -> Image.Image:
    """Return an RGB or RGBA photo as RGB, white where it was transparent."""
    if photo.mode == "RGB":
        return photo
    white = Image.new("RGB", photo.size, "white")
    white.paste(photo, mask=photo.getchannel("A"))
    return white
