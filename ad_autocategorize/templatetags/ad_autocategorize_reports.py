"""How the reports write numbers and category paths."""

from __future__ import annotations

from django import template
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from ad_autocategorize.titles.hierarchy import PATH_SEPARATOR
from taxonomy.tree import PATH_SEPARATOR as SHOWN_SEPARATOR

register = template.Library()

NO_BREAK_SPACE = "\u00a0"
LONGEST_TITLE = 100


@register.filter
def percent(value: float | None, digits: int = 1) -> str:
    """Write 0.9436 as "94.4%", as the active language writes it; a dash for ``None``."""
    if value is None:
        return "–"
    sign = "%" if (get_language() or "en").startswith(("en", "pt")) else f"{NO_BREAK_SPACE}%"
    return number_format(round(100 * value, digits), digits) + sign


@register.filter
def points(value: float) -> str:
    """Write a difference of shares, 0.0123, as "+1.2" percentage points."""
    text = number_format(round(abs(100 * value), 1), 1)
    return f"{'−' if value < 0 else '+'}{text}" if abs(value) >= 0.0005 else text


@register.filter
def p_value(value: float) -> str:
    """Write the chance of a test's result: p = 0.041, p < 0.001."""
    sign, shown = ("<", 0.001) if value < 0.001 else ("=", round(value, 3))
    return NO_BREAK_SPACE.join(["p", sign, number_format(shown, 3)])


@register.filter
def count(value: float) -> str:
    """Write a number of things with the language's thousands separator."""
    return number_format(round(value), 0, force_grouping=True)


@register.filter
def trail(path: str) -> str:
    """Write a category path with the arrows that the form shows: "Home › Sofas"."""
    return _printable(path).replace(PATH_SEPARATOR, SHOWN_SEPARATOR)


@register.filter
def leaf(path: str) -> str:
    """Return the last name of a category path."""
    return _printable(path).rpartition(PATH_SEPARATOR)[2]


@register.filter
def one_line(title: str) -> str:
    """Write a title as one short line."""
    plain = " ".join(_printable(title).split())
    return plain if len(plain) <= LONGEST_TITLE else plain[: LONGEST_TITLE - 1] + "…"


def _printable(text: str) -> str:
    """Return a text that neither breaks a table nor commands a terminal, whatever somebody typed."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


@register.simple_tag
def bar(value: float, low: float | None = None, high: float | None = None) -> SafeString:
    """Draw a share as a bar across the cell, with a whisker for its confidence interval."""
    whisker = ""
    if low is not None and high is not None:
        whisker = format_html('<line x1="{}%" x2="{}%" y1="50%" y2="50%"/>', f"{100 * low:.1f}", f"{100 * high:.1f}")
    return format_html(
        '<svg class="bar" aria-hidden="true"><rect class="track"/><rect class="value" width="{}%"/>{}</svg>',
        f"{100 * value:.1f}",
        whisker,
    )
