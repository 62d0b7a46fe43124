"""What became of suggestions, shown to sellers and to moderators: the figures of the feedback page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, Q
from django.db.models.functions import TruncWeek
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ad_autocategorize.events import SuggestionEvent
from ad_autocategorize.moderation.models import ReviewDecision
from ad_autocategorize.moderation.presentation import ads_by_key
from ad_autocategorize.reports.charts import Axis, Series, line_chart
from ad_autocategorize.sources import get_source
from taxonomy.tree import CategoryTree

FIRST = Count("pk", filter=Q(outcome=SuggestionEvent.Outcome.ACCEPTED, rank=1))
TOP_THREE = Count("pk", filter=Q(outcome=SuggestionEvent.Outcome.ACCEPTED, rank__lte=3))
# The ads whose branch is looked up, newest first.
BRANCH_SAMPLE = 5000
LOOKED_UP_AT_ONCE = 500
WEEKS = 26


@dataclass(frozen=True, slots=True)
class Acceptance:
    """How often one of the suggestions was taken; ``at_1`` and ``at_3`` within 0 to 1."""

    name: str
    count: int
    at_1: float
    at_3: float


@dataclass(frozen=True, slots=True)
class Handled:
    """What sellers did with suggestions of one place: taken as they were, or taken and changed before the ad was saved."""

    place: int
    taken: int
    changed: int


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the events; ``share`` within 0 to 1."""

    name: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Review:
    """What moderators did, with the suggestion before them or blind; shares within 0 to 1."""

    name: str
    count: int
    accepted: float
    corrected: float
    kept: float


def total() -> Acceptance:
    """Return the acceptance over all events that are kept."""
    row = SuggestionEvent.objects.aggregate(count=Count("pk"), first=FIRST, three=TOP_THREE)
    return _acceptance(_("all"), row["count"], row["first"], row["three"])


def by_version() -> list[Acceptance]:
    """Return the acceptance by model version, the newest name first."""
    rows = SuggestionEvent.objects.values("model_version").order_by("-model_version")
    counted = rows.annotate(count=Count("pk"), first=FIRST, three=TOP_THREE)
    return [_acceptance(row["model_version"], row["count"], row["first"], row["three"]) for row in counted]


def by_branch() -> list[Acceptance]:
    """Return the acceptance by the main category that the newest ads ended up in."""
    source, tree = get_source(), CategoryTree.load(include_inactive=True)
    events = list(SuggestionEvent.objects.exclude(ad_id="").values_list("ad_id", "outcome", "rank")[:BRANCH_SAMPLE])
    branches: dict[str, int] = {}
    keys = list(dict.fromkeys(ad_id for ad_id, _outcome, _rank in events))
    for start in range(0, len(keys), LOOKED_UP_AT_ONCE):
        for key, ad in ads_by_key(keys[start : start + LOOKED_UP_AT_ONCE], source).items():
            category_id = source.taxonomy_category_id(ad, tree)
            if category_id is not None:
                branches[key] = tree.path_ids(category_id)[0]
    counts, firsts, threes = Counter[int](), Counter[int](), Counter[int]()
    for ad_id, outcome, rank in events:
        branch = branches.get(ad_id)
        if branch is None:
            continue
        taken = outcome == SuggestionEvent.Outcome.ACCEPTED
        counts[branch] += 1
        firsts[branch] += taken and rank == 1
        threes[branch] += taken and rank is not None and rank <= 3
    return [_acceptance(tree.name(pk), n, firsts[pk], threes[pk]) for pk, n in counts.most_common()]


def by_handling() -> list[Share]:
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
    row = SuggestionEvent.objects.exclude(handling=handling.UNKNOWN).aggregate(**counts)
    whole = sum(row.values())
    return [Share(name, row[f"part_{i}"], row[f"part_{i}"] / whole) for i, name in enumerate(parts)] if whole else []


def by_place() -> list[Handled]:
    """Return what became of the suggestions taken, by their place in the list."""
    handling = SuggestionEvent.Handling
    rows = SuggestionEvent.objects.filter(taken_rank__isnull=False).values("taken_rank").order_by("taken_rank")
    counted = rows.annotate(
        taken=Count("pk", filter=Q(handling=handling.TAKEN)), changed=Count("pk", filter=Q(handling=handling.CHANGED))
    )
    return [Handled(row["taken_rank"] or 0, row["taken"], row["changed"]) for row in counted]


def over_time() -> SafeString | None:
    """Return a chart of the last weeks, or ``None`` where there are not two of them."""
    since = timezone.now() - timedelta(weeks=WEEKS)
    rows = (
        SuggestionEvent.objects.filter(created_at__gte=since)
        .annotate(week=TruncWeek("created_at"))
        .values("week")
        .order_by("week")
        .annotate(count=Count("pk"), first=FIRST, three=TOP_THREE)
    )
    weeks = [(row["week"].date(), row["first"] / row["count"], row["three"] / row["count"]) for row in rows]
    if len(weeks) < 2:
        return None
    return _chart(weeks)


def reviews() -> list[Review]:
    """Return what moderators decided with the suggestion shown and without; undone decisions and moves in bulk left out."""
    decided = ReviewDecision.objects.filter(undone_by=None, batch=None, issue__isnull=False)
    decided = decided.exclude(action=ReviewDecision.Action.UNDONE)
    counts: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
    for row in decided.values("blind", "action").annotate(count=Count("pk")).order_by():
        counts[row["blind"]][row["action"]] = row["count"]
    names = {False: _("suggestion shown"), True: _("blind")}
    return [_review(names[blind], counter) for blind, counter in counts.items() if counter]


def _acceptance(name: str, count: int, first: int, three: int) -> Acceptance:
    return Acceptance(name, count, first / count if count else 0.0, three / count if count else 0.0)


def _review(name: str, counter: Counter[str]) -> Review:
    count, action = counter.total(), ReviewDecision.Action
    shares = (counter[action.ACCEPTED] / count, counter[action.CORRECTED] / count, counter[action.KEPT] / count)
    return Review(name, count, *shares)


def _chart(weeks: list[tuple[date, float, float]]) -> SafeString:
    days = [week.toordinal() for week, _first, _three in weeks]
    shown = sorted({0, len(weeks) // 2, len(weeks) - 1})
    x_ticks = [(float(days[i]), date_format(weeks[i][0], "j M")) for i in shown]
    return line_chart(
        [
            Series(_("filed under the first suggestion"), _points(days, (first for _week, first, _three in weeks))),
            Series(
                _("filed under one of three"), _points(days, (three for _week, _first, three in weeks)), style="second"
            ),
        ],
        Axis(_("week"), days[0], days[-1], x_ticks),
        Axis(_("share"), 0.0, 1.0, [(tick / 4, f"{tick * 25} %") for tick in range(5)]),
        _("Acceptance over time"),
        _("Share of ads filed under a suggestion, week by week."),
    )


def _points(days: list[int], shares: Iterable[float]) -> list[tuple[float, float]]:
    return [(float(day), share) for day, share in zip(days, shares, strict=True)]
