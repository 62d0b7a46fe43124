"""What became of suggestions, shown to sellers and to moderators: the figures of the feedback page."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Avg, Case, Count, IntegerField, Q, QuerySet, When
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ad_autocategorize.models import ReviewDecision, SuggestionEvent
from ad_autocategorize.reports.charts import Axis, Series, Style, line_chart
from ad_autocategorize.statistics.proportions import Difference, Proportion
from taxonomy.tree import CategoryTree

Action = ReviewDecision.Action
FIRST = Count("pk", filter=Q(outcome=SuggestionEvent.Outcome.ACCEPTED, rank=1))
TOP_THREE = Count("pk", filter=Q(outcome=SuggestionEvent.Outcome.ACCEPTED, rank__lte=3))
# How many of the newest events are sorted by main category.
BRANCH_SAMPLE = 5000
WEEKS = 26
LATELY_WEEKS = 4
# A site that trains every night has hundreds of versions a year.
VERSIONS = 12


@dataclass(frozen=True, slots=True)
class Acceptance:
    """How often ads were filed under the first suggestion, and under one of the first three."""

    name: str
    at_1: Proportion
    at_3: Proportion


@dataclass(frozen=True, slots=True)
class Handled:
    """What sellers did with the suggestions at one place of the list: taken as they were, or taken and then changed."""

    place: int
    taken: int
    changed: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the events, and its share of them."""

    name: str
    share: Proportion


@dataclass(frozen=True, slots=True)
class Review:
    """What moderators did, with the suggestion before them or blind; ``probability`` is the suggestions' own, on average."""

    name: str
    accepted: Proportion
    corrected: Proportion
    kept: Proportion
    probability: float


def totals() -> list[Acceptance]:
    """Return the acceptance over all events that are kept: those of the form, and apart from them what clients told."""
    rows = {row["from_form"]: row for row in _counted(_told().values("from_form").order_by())}
    names = {True: _("recorded by the form"), False: _("told by clients of the API")}
    return [_acceptance(names[told], rows[told]) for told in names if told in rows]


def by_version() -> list[Acceptance]:
    """Return the acceptance by model version, the newest name first, of the newest versions."""
    rows = _counted(_answers().values("model_version").order_by("-model_version"))
    return [_acceptance(row["model_version"], row) for row in rows[:VERSIONS]]


def by_branch() -> list[Acceptance]:
    """Return the acceptance by the main category that the ads of the newest events ended up in."""
    tree = CategoryTree.load(include_inactive=True)
    events = _answers().exclude(category=None).values_list("category_id", "outcome", "rank")[:BRANCH_SAMPLE]
    counted: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for category_id, outcome, rank in events:
        if category_id is None or category_id not in tree:
            continue
        taken = outcome == SuggestionEvent.Outcome.ACCEPTED
        branch = counted[tree.path_ids(category_id)[0]]
        branch.update(count=1, first=taken and rank == 1, three=taken and rank is not None and rank <= 3)
    ordered = sorted(counted.items(), key=lambda item: -item[1]["count"])
    return [_acceptance(tree.name(pk), row) for pk, row in ordered]


def by_handling() -> list[Part]:
    """Return how ads got where they are, among those whose form said what it had shown."""
    handling = SuggestionEvent.Handling
    ignored, own = Q(handling=handling.IGNORED), Q(outcome=SuggestionEvent.Outcome.ACCEPTED)
    parts = {
        _("suggestion taken as it was"): Q(handling=handling.TAKEN),
        _("suggestion taken, then changed"): Q(handling=handling.CHANGED),
        _("not taken, same category found in the tree"): ignored & own,
        _("not taken, another category"): ignored & ~own,
    }
    counts = {f"part_{i}": Count("pk", filter=condition) for i, condition in enumerate(parts.values())}
    row = _answers().exclude(handling=handling.UNKNOWN).aggregate(**counts)
    whole = sum(row.values())
    return [Part(name, Proportion(row[f"part_{i}"], whole)) for i, name in enumerate(parts)] if whole else []


def by_place() -> list[Handled]:
    """Return what became of the suggestions taken, by their place in the list."""
    handling = SuggestionEvent.Handling
    rows = (
        SuggestionEvent.objects.filter(from_form=True, taken_rank__isnull=False)
        .values("taken_rank")
        .order_by("taken_rank")
    )
    counted = rows.annotate(
        taken=Count("pk", filter=Q(handling=handling.TAKEN)), changed=Count("pk", filter=Q(handling=handling.CHANGED))
    )
    return [Handled(row["taken_rank"] or 0, row["taken"], row["changed"]) for row in counted]


def over_time() -> SafeString | None:
    """Return a chart of the last weeks, or ``None`` where there are not two of them."""
    weeks = by_week()
    return _chart(weeks) if len(weeks) > 1 else None


def by_week() -> list[tuple[date, Acceptance]]:
    """Return the acceptance of the last weeks that have events, each with its Monday by the reader's clock."""
    since = timezone.now() - timedelta(weeks=WEEKS)
    mondays = _mondays(since)
    # On SQLite TruncWeek calls a Python function for each row: half a second for 100,000 events. Comparing takes a fifth of it.
    week = Case(
        *(When(created_at__lt=_midnight(following), then=number) for number, following in enumerate(mondays[1:])),
        default=len(mondays) - 1,
        output_field=IntegerField(),
    )
    events = _answers().filter(created_at__gte=since).annotate(week=week)
    return [(mondays[row["week"]], _acceptance("", row)) for row in _counted(events.values("week").order_by("week"))]


def acceptance_lately() -> Difference | None:
    """Return the share of ads filed under the first suggestion in the last weeks, beside that of the weeks before them.

    ``None`` where either have no events.
    """
    now = timezone.now()
    begin, before = now - timedelta(weeks=LATELY_WEEKS), now - timedelta(weeks=2 * LATELY_WEEKS)
    events = _answers().filter(created_at__gte=before)
    parts = [events.filter(created_at__gte=begin), events.filter(created_at__lt=begin)]
    shares = [Proportion(**part.aggregate(part=FIRST, whole=Count("pk"))) for part in parts]
    return Difference(*shares) if all(share.whole for share in shares) else None


def reviews() -> list[Review]:
    """Return what moderators decided one by one, with the suggestion shown and without it.

    Ads about which a decision was undone are left out: who undoes has been shown the suggestion by then.
    """
    undone = ReviewDecision.objects.filter(action=Action.UNDONE).values("ad_id")
    # A merge, which moves ads that no model doubted, names none.
    decided = ReviewDecision.objects.filter(batch=None).exclude(model="").exclude(ad_id__in=undone)
    counts = {
        action: Count("pk", filter=Q(action=action)) for action in (Action.ACCEPTED, Action.CORRECTED, Action.KEPT)
    }
    rows = decided.values("blind").order_by("blind").annotate(probability=Avg("suggested_probability"), **counts)
    names = {False: _("suggestion shown"), True: _("blind")}
    return [_review(names[row["blind"]], row) for row in rows]


def leading(found: Sequence[Review]) -> Difference | None:
    """Return how much more often ads are filed as suggested when the suggestion is seen; ``None`` without either kind."""
    return Difference(found[0].accepted, found[1].accepted) if len(found) == 2 else None


def _mondays(since: datetime) -> list[date]:
    """Return the Mondays of the weeks from that of ``since`` to the present one."""
    start, end = _local_day(since), _local_day(timezone.now())
    monday = start - timedelta(days=start.weekday())
    return [monday + timedelta(weeks=week) for week in range((end - monday).days // 7 + 1)]


def _local_day(moment: datetime) -> date:
    return timezone.localdate(moment) if settings.USE_TZ else moment.date()


def _midnight(day: date) -> datetime:
    midnight = datetime.combine(day, time.min)
    return timezone.make_aware(midnight) if settings.USE_TZ else midnight


def _told() -> QuerySet[SuggestionEvent]:
    """Return the events that answer suggestions: not those of ads that were edited and stayed where they were."""
    return SuggestionEvent.objects.exclude(handling=SuggestionEvent.Handling.HELD)


def _answers() -> QuerySet[SuggestionEvent]:
    """Return those that the form recorded. Anybody may call the API: what its clients send counts in no figure but the totals."""
    return _told().filter(from_form=True)


def _counted(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.annotate(count=Count("pk"), first=FIRST, three=TOP_THREE)


def _acceptance(name: str, row: Mapping[str, int]) -> Acceptance:
    return Acceptance(name, Proportion(row["first"], row["count"]), Proportion(row["three"], row["count"]))


def _review(name: str, row: Mapping[str, Any]) -> Review:
    count = row[Action.ACCEPTED] + row[Action.CORRECTED] + row[Action.KEPT]
    accepted, corrected, kept = (
        Proportion(row[action], count) for action in (Action.ACCEPTED, Action.CORRECTED, Action.KEPT)
    )
    return Review(name, accepted, corrected, kept, row["probability"] or 0.0)


def _chart(weeks: list[tuple[date, Acceptance]]) -> SafeString:
    days = [week.toordinal() for week, _row in weeks]
    shown = sorted({0, len(weeks) // 2, len(weeks) - 1})
    x_ticks = [(float(days[i]), date_format(weeks[i][0], "j M")) for i in shown]
    return line_chart(
        [
            _series(_("filed under the first suggestion"), days, [row.at_1 for _week, row in weeks], "first"),
            _series(_("filed under one of three"), days, [row.at_3 for _week, row in weeks], "second"),
        ],
        Axis(_("week"), days[0], days[-1], x_ticks),
        Axis(_("share"), 0.0, 1.0, [(tick / 4, f"{tick * 25} %") for tick in range(5)]),
        _("Acceptance over time"),
        _("Share of ads filed under a suggestion, week by week."),
    )


def _series(name: str, days: list[int], shares: list[Proportion], style: Style) -> Series:
    points = [(float(day), share.share) for day, share in zip(days, shares, strict=True)]
    bars = [(share.interval.low, share.interval.high) for share in shares]
    return Series(name, points, style, bars=bars)
