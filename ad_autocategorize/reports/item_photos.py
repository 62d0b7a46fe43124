"""The evaluation's figures on photos as rows, for the page and the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

VIEWS = ("title", "photo", "both")
FILED_AT = "0.95"


def photo_columns() -> list[str]:
    """Return the headings of the views, in the active language."""
    return [_("Title"), _("Photo"), _("Both")]


def photo_rows(photos: Mapping[str, Any]) -> list[tuple[str, list[float | None]]]:
    """Return a name and a share a view for each figure; ``None`` where nothing could be measured."""
    views = [photos["views"][name] for name in VIEWS]
    found = [(_("Exactly right"), [view["accuracy"] for view in views])]
    for level in range(len(views[0]["levels"])):
        name = _("Right down to level %(level)d") % {"level": level + 1}
        found.append((name, [view["levels"][level] for view in views]))
    found.append((_("Among the first three"), [view["top3"] for view in views]))
    found.append((_("Calibration error"), [view["expected_calibration_error"] for view in views]))
    found.append((_("Titles of two known words or fewer"), [view["short"] for view in views]))
    found.append((_("Filed without a person, 95 percent right"), [view["coverage"][FILED_AT] for view in views]))
    return found
