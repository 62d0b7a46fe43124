"""Line charts as SVG that needs neither script nor network; colours come from the page's style sheet, by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from xml.etree import ElementTree

from django.utils.safestring import SafeString, mark_safe

# Narrow enough to be read on a phone without being scaled down.
WIDTH, HEIGHT = 350, 270
LEFT, RIGHT, TOP, BOTTOM = 62, 22, 12, 46
LEGEND_LINE = 20
TEXT_GAP = 4


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: what it shows, its ends, and (value, text) for each tick."""

    label: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]

    def place(self, value: float, start: float, stop: float) -> float:
        """Return where ``value`` lies between the pixels ``start`` and ``stop``, kept within them."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return start + min(max(share, 0.0), 1.0) * (stop - start)


Style = Literal["first", "second", "guide", "target"]


@dataclass(frozen=True, slots=True)
class Series:
    """A line through (x, y) points; ``style`` names its class in the style sheet.

    ``radii`` (one per point) draws dots of that size; ``bars`` (low, high for each point) draws error bars.
    """

    name: str
    points: Sequence[tuple[float, float]]
    style: Style = "first"
    radii: Sequence[float] = ()
    bars: Sequence[tuple[float, float]] = field(default=())
    line: bool = True


def line_chart(series: Sequence[Series], x: Axis, y: Axis, title: str, description: str) -> SafeString:
    """Return an SVG element; ``title`` and ``description`` are what a screen reader says in its place."""
    named = [line for line in series if line.name]
    height = HEIGHT + LEGEND_LINE * len(named) + TEXT_GAP
    svg = ElementTree.Element("svg", {"class": "chart", "viewBox": f"0 0 {WIDTH} {height}", "role": "img"})
    svg.set("aria-label", f"{title}. {x.label} – {y.label}. {description}")
    ElementTree.SubElement(svg, "title").text = title
    _draw_axes(svg, x, y)
    for line in series:
        _draw_series(svg, line, x, y)
    for number, line in enumerate(named):
        _draw_legend(svg, line, HEIGHT + LEGEND_LINE * number + 8)
    # ElementTree has escaped all texts.
    return mark_safe(ElementTree.tostring(svg, encoding="unicode"))  # noqa: S308  # nosec B308 B703


def _draw_axes(svg: ElementTree.Element, x: Axis, y: Axis) -> None:
    bottom = HEIGHT - BOTTOM
    for value, text in y.ticks:
        at = y.place(value, bottom, TOP)
        _line(svg, "grid", (LEFT, at), (WIDTH - RIGHT, at))
        _text(svg, text, LEFT - 6, at + TEXT_GAP, "end")
    for value, text in x.ticks:
        at = x.place(value, LEFT, WIDTH - RIGHT)
        _line(svg, "tick", (at, bottom), (at, bottom + 5))
        _text(svg, text, at, bottom + 18, "middle")
    _line(svg, "axis", (LEFT, bottom), (WIDTH - RIGHT, bottom))
    _text(svg, x.label, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "middle", "label")
    label = _text(svg, y.label, 0, 0, "middle", "label")
    label.set("transform", f"translate(12 {_number((TOP + bottom) / 2)}) rotate(-90)")


def _draw_series(svg: ElementTree.Element, series: Series, x: Axis, y: Axis) -> None:
    bottom = HEIGHT - BOTTOM
    places = [(x.place(a, LEFT, WIDTH - RIGHT), y.place(b, bottom, TOP)) for a, b in series.points]
    for (across, _), (low, high) in zip(places, series.bars, strict=False):
        _line(svg, f"bar {series.style}", (across, y.place(low, bottom, TOP)), (across, y.place(high, bottom, TOP)))
    if series.line and len(places) > 1:
        path = " ".join(f"{_number(across)},{_number(up)}" for across, up in places)
        ElementTree.SubElement(svg, "polyline", {"class": f"line {series.style}", "points": path})
    for (across, up), radius in zip(places, series.radii, strict=False):
        attributes = {"cx": _number(across), "cy": _number(up), "r": _number(radius), "class": f"dot {series.style}"}
        ElementTree.SubElement(svg, "circle", attributes)


def _draw_legend(svg: ElementTree.Element, series: Series, up: float) -> None:
    if series.line:
        _line(svg, f"line {series.style}", (LEFT, up), (LEFT + 24, up))
    if series.radii:
        attributes = {"cx": str(LEFT + 12), "cy": _number(up), "r": "4", "class": f"dot {series.style}"}
        ElementTree.SubElement(svg, "circle", attributes)
    _text(svg, series.name, LEFT + 32, up + TEXT_GAP, "start")


def _line(svg: ElementTree.Element, style: str, start: tuple[float, float], stop: tuple[float, float]) -> None:
    ends = zip(("x1", "y1", "x2", "y2"), (*start, *stop), strict=True)
    ElementTree.SubElement(svg, "line", {"class": style, **{name: _number(value) for name, value in ends}})


def _text(
    svg: ElementTree.Element, text: str, across: float, up: float, anchor: str, style: str = ""
) -> ElementTree.Element:
    attributes = {"x": _number(across), "y": _number(up), "text-anchor": anchor, **({"class": style} if style else {})}
    element = ElementTree.SubElement(svg, "text", attributes)
    element.text = text
    return element


def _number(value: float) -> str:
    return f"{value:.1f}"
