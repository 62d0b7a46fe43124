"""The review page, the same for every queue: one entry after the other, each decided with one key or one button.

A whole page is an entry within its frame. Where a script asks for JSON the entry comes alone, as HTML: the next one while
a person still looks at the one before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

from django.contrib import messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext as _
from django.views.generic import View

from ad_autocategorize.models import ReviewItem
from ad_autocategorize.moderation.queue.ads import may_open_ads
from ad_autocategorize.moderation.queue.blind import BLIND_KEY, is_blind
from ad_autocategorize.moderation.queue.deciding import Reviewer
from ad_autocategorize.moderation.queue.narrowing import filter_groups, remember_filters
from ad_autocategorize.moderation.queue.numbers import small_number
from ad_autocategorize.moderation.queue.progress import Progress, progress_of
from ad_autocategorize.moderation.queue.read_only import ReviewedAdmin
from ad_autocategorize.sources import using_source
from ad_autocategorize.sources.ads import keys_in_use
from ad_autocategorize.sources.registered import source_name, source_of

# The entries that a moderator's pages have shown with their suggestions, the newest last.
SEEN_KEY = "ad_autocategorize_seen_suggestions"
SEEN_KEPT = 500
# The entries whose ads are looked for together, where ads are gone.
LOOKED_UP_AT_ONCE = 200
# Parameters of the review page itself; all others are the list's filters.
OWN_PARAMETERS = ("issue", "after", "value", "brand")
# How many entries beyond the one shown are looked at for whether the browser has them: the script fetches them ahead.
AHEAD = 10


@dataclass(frozen=True, slots=True)
class Part:
    """An entry as HTML, and its key; ``None`` where the HTML says that there is no more."""

    key: int | None
    html: str


class ReviewerView(View):
    """A view for those who may review; ``model_admin`` is the queue's."""

    model_admin: ReviewedAdmin = cast("ReviewedAdmin", None)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not self.model_admin.has_review_permission(request):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def reviewer(self, issue_key: int | None = None) -> Reviewer:
        """Return the moderator, and whether he decides blind: not about an entry whose suggestion he has been shown."""
        blind = is_blind(self.request) and self._mark(issue_key) not in self._seen()
        return Reviewer(cast(AbstractBaseUser, self.request.user), blind=blind)

    def remember_seen(self, issue_key: int) -> None:
        """Keep in the session that this entry was shown with its suggestion."""
        mark, seen = self._mark(issue_key), self._seen()
        # Saved only if it is new: writing to a session is a query.
        if mark not in seen:
            self.request.session[SEEN_KEY] = [*seen, mark][-SEEN_KEPT:]

    def _seen(self) -> list[str]:
        seen: list[str] = self.request.session.get(SEEN_KEY, [])
        return seen

    def _mark(self, issue_key: int | None) -> str:
        return f"{self.model_admin.opts.model_name}:{issue_key}"

    def wants_parts(self) -> bool:
        """Return whether a script asks, which puts the parts of the page together by itself."""
        return self.request.headers.get("Accept") == "application/json"

    def url(self, name: str, *args: int) -> str:
        """Return the address of one of the queue's pages."""
        return reverse(f"admin:ad_autocategorize_{self.model_admin.opts.model_name}_{name}", args=args)

    def render(self, template: str, **context: Any) -> HttpResponse:
        """Render a page of the admin."""
        shared = {**self.model_admin.admin_site.each_context(self.request), "opts": self.model_admin.opts}
        return TemplateResponse(self.request, f"admin/ad_autocategorize/{template}", {**shared, **context})


class ReviewView(ReviewerView):
    """Shows the issue asked for, or the first one that the filters leave."""

    title: str | Promise = ""

    def present(self, issue: Any) -> object | None:
        """Return what the page shows of an issue; ``None`` where its ad is gone."""
        raise NotImplementedError

    def following(self, queue: QuerySet[Any], after: int) -> QuerySet[Any]:
        """Return what comes after the issue with this key, in the order of the queue."""
        raise NotImplementedError

    def choices(self) -> dict[str, Any]:
        """Return what the page offers besides the item itself."""
        return {}

    def filters(self) -> QueryDict:
        """Return the list's filters under which the queue is gone through."""
        filters = own_filters(self.request.GET)
        for name in self.model_admin.suggestion_filters(self.request):
            filters.pop(name, None)
        return filters

    def at(self, filters: QueryDict, **parameters: object) -> ReviewView:
        """Return the same page at another address: under these filters, with the page's own ``parameters``."""
        request, address = copy(self.request), filters.copy()
        for name, value in parameters.items():
            address[name] = str(value)
        request.GET = address  # type: ignore[assignment]
        view = type(self)(model_admin=self.model_admin)
        view.setup(request)
        return view

    def part(self) -> Part:
        """Return the entry that this address leads to."""
        key, context = self._entry()
        shared = {"opts": self.model_admin.opts, **context}
        return Part(key, render_to_string(self._item_template, shared, self.request))

    def progress(self) -> Progress:
        """Return how far the queue has come under the filters."""
        user = cast(AbstractBaseUser, self.request.user)
        return progress_of(self._queue, self.model_admin.decision_model, user)

    def get(self, request: HttpRequest) -> HttpResponse:
        if self.wants_parts():
            return JsonResponse({"next": self.part().html})
        remember_filters(request, self.model_admin.opts.model_name, self.filters())
        _key, context = self._entry()
        filters = self.filters()
        searched = filters.pop("q", [""])[-1]
        return self.render(
            "review.html",
            title=self.title,
            item_template=self._item_template,
            progress=self.progress(),
            filter_groups=filter_groups(self._list),
            searched=searched,
            # The search's form sends the other filters along.
            kept_for_search=[(name, value) for name, values in filters.lists() for value in values],
            narrowed=bool(filters or searched),
            **context,
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        """Switch blind mode; where it is switched on, go on to an entry whose suggestion has not been seen."""
        request.session[BLIND_KEY] = "blind" in request.POST
        shown = small_number(request.POST.get("shown", ""))
        if not is_blind(request) or shown is None:
            return redirect(request.get_full_path())
        filters = self.filters()
        filters["after"] = str(self.at(filters)._last_seen(shown))
        return redirect(f"{request.path}?{filters.urlencode()}")

    @property
    def _item_template(self) -> str:
        return f"admin/ad_autocategorize/{self.model_admin.opts.model_name}/review_item.html"

    def _entry(self) -> tuple[int | None, dict[str, Any]]:
        """Return the key of the entry to show, and what its template needs; notes that its suggestion was shown."""
        request = self.request
        # Entries whose ads are gone are passed over; the next search closes the open ones.
        found = ((issue, item) for issue in self._issues() if (item := self._presented(issue)) is not None)
        issue, item = next(found, (None, None))
        if issue is not None and not is_blind(request):
            self.remember_seen(issue.pk)
        context = {
            "item": item,
            "shown": str(issue.pk) if issue else "",
            "blind": is_blind(request),
            "filters": self.filters().urlencode(),
            "may_open_ads": may_open_ads(self.model_admin.admin_site, request),
            "after": request.GET.get("after", ""),
            "typed": request.GET.get("value", ""),
            "asked_brand": request.GET.get("brand", ""),
            "standing": _standing(issue) if issue else None,
            **(self.choices() if item else {}),
        }
        return (issue.pk if issue else None), context

    def _presented(self, issue: Any) -> object | None:
        with source_of(issue):
            return self.present(issue)

    def _issues(self) -> Iterator[Any]:
        """Yield the entry asked for, then those of the queue: the first one, and further ones whose ads exist."""
        wanted = small_number(self.request.GET.get("issue", ""))
        if wanted is not None:
            issue: ReviewItem | None = self.model_admin.model._default_manager.filter(pk=wanted).first()
            if issue is not None:
                yield issue
            gone = _("The ad no longer exists.") if issue else _("This entry has left the queue.")
            messages.warning(self.request, gone)
        queue = self._queue
        after = small_number(self.request.GET.get("after", ""))
        if after is not None:
            queue = self.following(queue, after)
        # Nearly always the first one's ad exists, and no more is asked of the database.
        yield from queue[:1]
        for start in count(1, LOOKED_UP_AT_ONCE):
            issues = list(queue[start : start + LOOKED_UP_AT_ONCE])
            existing = _existing(issues)
            yield from (issue for issue in issues if issue.ad_id in existing[source_name(issue)])
            if len(issues) < LOOKED_UP_AT_ONCE:
                return

    def _last_seen(self, shown: int) -> int:
        """Return the key of the last entry in a row, from the one shown on, whose suggestion the browser has been sent."""
        last = shown
        for key in self.following(self._queue, shown).values_list("pk", flat=True)[:AHEAD]:
            if self._mark(key) not in self._seen():
                break
            last = key
        return last

    @cached_property
    def _list(self) -> ChangeList:
        # The list reads its filters from a request; it gets one of its own, without the parameters of this page.
        listed = copy(self.request)
        listed.GET = self.filters()  # type: ignore[assignment]
        return self.model_admin.get_changelist_instance(listed)

    @property
    def _queue(self) -> QuerySet[Any]:
        queue: QuerySet[Any] = self._list.queryset
        model = self.model_admin.model
        return queue.filter(state=model.State.OPEN).order_by(*model._meta.ordering)


def _existing(issues: Sequence[Any]) -> dict[str, set[str]]:
    """Return the keys of ads that exist, by the names of their sources."""
    keys: dict[str, list[str]] = defaultdict(list)
    for issue in issues:
        keys[source_name(issue)].append(issue.ad_id)
    found = {}
    for name, some in keys.items():
        with using_source(name) as source:
            found[name] = keys_in_use(some, source)
    return found


def _standing(issue: ReviewItem) -> Any | None:
    """Return the decision by which a settled issue is as it is."""
    if issue.state == issue.State.OPEN:
        return None
    return issue.decisions.filter(undone_by=None).exclude(action="undone").first()


def own_filters(parameters: QueryDict) -> QueryDict:
    """Return the list's filters among the parameters of an address."""
    copy = parameters.copy()
    for name in OWN_PARAMETERS:
        copy.pop(name, None)
    return copy
