"""The origin of a version: the libraries that it was trained with, and the ads that it learned from."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Hashable, Iterable, Sequence
from importlib import metadata

import numpy as np
from numpy.typing import NDArray

PLUGIN = "django-ad-autocategorize"
# The libraries that the figures of a model may depend on.
LIBRARIES = (
    PLUGIN,
    "Django",
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "torchvision",
    "timm",
    "onnxruntime",
)

Keys = NDArray[np.uint64]


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that are installed, by name."""
    found = {"Python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def digest_keys(values: Iterable[Hashable]) -> Keys:
    """Return a digest of each value, uint64[n], from which the value cannot be read; equal values have equal digests."""
    digests = (hashlib.blake2b(repr(value).encode(errors="surrogatepass"), digest_size=8).digest() for value in values)
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def fingerprint(keys: Keys, labels: Sequence[Hashable]) -> str:
    """Return a digest of all ads with their labels, which does not depend on their order."""
    rows = sorted(f"{key}:{label}" for key, label in zip(keys.tolist(), labels, strict=True))
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()
