"""Bulk actions of the admin that ask before they act, and act on what was shown alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import SuspiciousOperation
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from ad_autocategorize.moderation.queue.deciding import DecisionBatch, ReviewConflict
from ad_autocategorize.moderation.queue.numbers import small_number
from ad_autocategorize.moderation.queue.transactions import decision_transaction
from ad_autocategorize.sources import SourceError, using_source
from ad_autocategorize.sources.registered import source_name

Row = TypeVar("Row", bound=Model)
# Rows of one transaction. Their ads stay locked until it ends: with so few, a seller who saves one waits for part of a second.
COMMITTED_AT_ONCE = 100

BULK_LIMIT = 1000
# The most decisions that one request undoes. It is also the limit of a merge, so that a whole merge can be undone at once.
UNDO_LIMIT = 2000


def is_confirmed(request: HttpRequest) -> bool:
    """Return whether this is the answer to a confirmation page."""
    return "confirmed" in request.POST


def shown_rows(request: HttpRequest, limit: int) -> dict[int, int]:
    """Return the rows that a confirmation page showed: their versions by their keys.

    They come in one field, since Django refuses forms of more than a thousand fields. A version that is no number is given as
    -1, which no row has. Raises ``SuspiciousOperation`` for more rows than ``limit``, which no page shows.
    """
    items = request.POST.get("seen", "").split(",", limit + 1)
    if len(items) > limit:
        raise SuspiciousOperation("More rows are confirmed than a page shows.")
    shown = {}
    for key, _colon, version in (item.partition(":") for item in items):
        number, seen = small_number(key), small_number(version)
        if number is not None:
            shown[number] = -1 if seen is None else seen
    return shown


def at_most(model_admin: ModelAdmin[Row], request: HttpRequest, found: QuerySet[Row], limit: int) -> list[Row] | None:
    """Return the rows; ``None``, and a message, where there are none or more than ``limit``."""
    rows = list(found[: limit + 1])
    if 0 < len(rows) <= limit:
        return rows
    text = _("None of what is selected can be decided this way.")
    if rows:
        text = _("At most %(count)d ads at once, please.") % {"count": limit}
    model_admin.message_user(request, text, messages.ERROR)
    return None


def confirmation_page(
    model_admin: ModelAdmin[Row], request: HttpRequest, rows: list[Row], moves: Counter[tuple[str, str]], **context: Any
) -> HttpResponse:
    """Ask about the rows, which lead to ``moves`` between two paths; ``context`` holds at least "title" and "action"."""
    opts = model_admin.opts
    asked = {
        **model_admin.admin_site.each_context(request),
        "opts": opts,
        "seen": ",".join(f"{row.pk}:{getattr(row, 'version', '')}" for row in rows),
        "count": len(rows),
        "moves": moves.most_common(),
        # For the way back to the list with its filters.
        "filters": request.GET.urlencode(),
        # Django wants one row selected in any case; which ones are meant stands in "seen".
        "checkbox": (ACTION_CHECKBOX_NAME, rows[0].pk),
        **context,
    }
    return TemplateResponse(request, f"admin/ad_autocategorize/{opts.model_name}/confirm.html", asked)


def act_on_each(
    model_admin: ModelAdmin[Row],
    request: HttpRequest,
    rows: Sequence[Any],
    batch_class: type[DecisionBatch[Any]],
    act: Callable[[Any, Any], None],
    success_message: Callable[[int], str],
) -> None:
    """Act on every row, then tell the moderator how many succeeded and why the others did not.

    ``success_message`` returns the text for the number of rows that succeeded. Rows are handled in chunks. Each chunk is one
    transaction, and the batch locks all its ads together. ``act`` must be atomic itself: its savepoint undoes the changes of a
    row that is refused, and the rest of the chunk goes on.
    """
    done, problems = 0, Counter[str]()
    for name in dict.fromkeys(map(source_name, rows)):
        of_source = [row for row in rows if source_name(row) == name]
        with using_source(name):
            done += _act_on(of_source, batch_class(), act, problems)
    if done:
        model_admin.message_user(request, success_message(done))
    elif not problems:
        # All of it is gone, or settled, since it was asked about.
        model_admin.message_user(request, _("None of what is selected can be decided this way."), messages.WARNING)
    for problem, count in problems.items():
        model_admin.message_user(request, f"{problem} ({count})", messages.WARNING)


def _act_on(
    rows: Sequence[Any], batch: DecisionBatch[Any], act: Callable[[Any, Any], None], problems: Counter[str]
) -> int:
    """Act on rows about ads of the current source, count what kept some from it, and return how many were done."""
    done = 0
    for start in range(0, len(rows), COMMITTED_AT_ONCE):
        chunk = rows[start : start + COMMITTED_AT_ONCE]
        with decision_transaction(), batch.locking([row.ad_id for row in chunk]):
            for row in chunk:
                try:
                    act(row, batch)
                    done += 1
                except (ReviewConflict, SourceError) as error:
                    problems[str(error)] += 1
    return done
