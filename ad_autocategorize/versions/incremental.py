"""How a version that was trained incrementally is described."""

from __future__ import annotations

from django.utils.translation import gettext as _

from ad_autocategorize.models import ModelVersion

# The key, in the metrics of a version that was trained incrementally, of how much was trained.
INCREMENTAL = "incremental"


def incremental_lines(version: ModelVersion) -> list[str]:
    """Return, in the active language, how much of a version was trained; nothing if all of it was."""
    told = (version.metrics or {}).get(INCREMENTAL)
    if not told:
        return []
    lines = [
        _(
            "%(trained)s of %(nodes)s nodes trained anew, for %(changed)s changes to ads. The other nodes are as they were; "
            "vocabulary, chosen settings and calibration are those of %(whole)s, when all nodes were trained."
        )
        % told
    ]
    if told["waiting"]:
        lines.append(_("Large nodes that wait, since hardly any of their ads have changed: %(waiting)s.") % told)
    return lines
