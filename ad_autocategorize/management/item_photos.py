"""What commands print of the photos that a title model has learned from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def write_item_photos(metrics: dict[str, Any], write: Callable[[str], object]) -> None:
    """Print what photos added to a version, from its metrics."""
    write(f"Photos: {metrics['with_photos']} of {metrics['ads']} ads have one that can be read.")
    if "views" in metrics:
        shares = {name: view["accuracy"] for name, view in metrics["views"].items()}
        write(
            f"Whole path of {metrics['tested']} other ads by title {shares['title']:.4f}, by photo {shares['photo']:.4f}, "
            f"by both {shares['both']:.4f} (p = {metrics['comparison']['p_value']:.2g})."
        )
    if not metrics["used"]:
        write(f"Photos are not heard: {metrics['why_not']}.")
    for reason, count in metrics["unreadable"]["counts"].items():
        write(f"Left out: {count} photos, {reason}.")
    for name in metrics["unreadable"]["examples"]:
        write(f"  {name}")
