"""How far stated probabilities can be believed: the chart, and the verdict in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ad_autocategorize.reports.charts import Axis, Series, line_chart
from ad_autocategorize.templatetags.ad_autocategorize_reports import percent

# The mean gap between confidence and truth that still counts as good, and as fair.
GOOD_GAP, FAIR_GAP = 0.03, 0.07


def share_axis(text: str, low: float = 0.0) -> Axis:
    """Return an axis of shares up to 1."""
    step = next(step for step in (0.25, 0.1, 0.05, 0.02, 0.01) if (1 - low) / step >= 3)
    ticks = [1 - n * step for n in range(round((1 - low) / step) + 1)]
    return Axis(text, low, 1.0, [(value, percent(value, 0)) for value in ticks])


def reliability_chart(bins: Sequence[tuple[float, float, int]], *, title: str, measured: str) -> SafeString:
    """Return the chart of bins (mean confidence, share of right answers, number of answers).

    Parameters
    ----------
    measured : the legend of the dots, which are the larger the more answers there are.
    """
    largest = max(number for _confidence, _right, number in bins)
    dots = Series(
        measured,
        [(confidence, right) for confidence, right, _number in bins],
        line=False,
        radii=[2.5 + 5.5 * math.sqrt(number / largest) for _confidence, _right, number in bins],
    )
    ideal = Series(_("ideal: as often right as it says"), [(0, 0), (1, 1)], "guide")
    described = "; ".join(f"{percent(confidence, 0)}: {percent(right, 0)}" for confidence, right, _number in bins)
    x, y = share_axis(_("how sure it says it is")), share_axis(_("how often it is right"))
    return line_chart([ideal, dots], x, y, title, described)


def gap_verdict(gap: float) -> str:
    """Return what a mean gap between confidence and truth amounts to."""
    if gap <= GOOD_GAP:
        return _("It can be believed.")
    return _("It is roughly right.") if gap <= FAIR_GAP else _("It should not be relied on.")
