"""The review page, the same for every queue: one entry after the other, each decided with one key or one button."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import copy
from itertools import count
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.generic import View

from ad_autocategorize.models import ReviewItem
from ad_autocategorize.moderation.queue.ads import may_open_ads
from ad_autocategorize.moderation.queue.blind import BLIND_KEY, is_blind
from ad_autocategorize.moderation.queue.deciding import LONGEST_TYPED, ChoiceRefused, ReviewConflict, Reviewer
from ad_autocategorize.moderation.queue.numbers import small_number
from ad_autocategorize.moderation.queue.read_only import ReviewedAdmin
from ad_autocategorize.sources import SourceError, using_source
from ad_autocategorize.sources.ads import keys_in_use
from ad_autocategorize.sources.registered import source_name, source_of

# The entries that a moderator's pages have shown with their suggestions, the newest last.
SEEN_KEY = "ad_autocategorize_seen_suggestions"
SEEN_KEPT = 500
# The entries whose ads are looked for together, where ads are gone.
LOOKED_UP_AT_ONCE = 200
# Parameters of the page's own; all others are the list's filters.
OWN_PARAMETERS = ("issue", "after", "value", "brand")


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
        # Nothing is written for what is known: a session is a row of the database.
        if mark not in seen:
            self.request.session[SEEN_KEY] = [*seen, mark][-SEEN_KEPT:]

    def _seen(self) -> list[str]:
        seen: list[str] = self.request.session.get(SEEN_KEY, [])
        return seen

    def _mark(self, issue_key: int | None) -> str:
        return f"{self.model_admin.opts.model_name}:{issue_key}"

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
        filters = _filters(self.request.GET)
        for name in self.model_admin.suggestion_filters(self.request):
            filters.pop(name, None)
        return filters

    def get(self, request: HttpRequest) -> HttpResponse:
        # Entries whose ads are gone are passed over; the next search closes the open ones.
        found = ((issue, item) for issue in self._issues() if (item := self._presented(issue)) is not None)
        issue, item = next(found, (None, None))
        if issue is not None and not is_blind(request):
            self.remember_seen(issue.pk)
        return self.render(
            f"{self.model_admin.opts.model_name}/review.html",
            title=self.title,
            item=item,
            shown=str(issue.pk) if issue else "",
            blind=is_blind(request),
            filters=self.filters().urlencode(),
            may_open_ads=may_open_ads(self.model_admin.admin_site, request),
            after=request.GET.get("after", ""),
            standing=_standing(issue) if issue else None,
            **(self.choices() if item else {}),
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        """Switch blind mode; where it is switched on, go on to the next entry: the suggestion of this one has been seen."""
        request.session[BLIND_KEY] = "blind" in request.POST
        shown = request.POST.get("shown", "")
        if not (is_blind(request) and shown):
            return redirect(request.get_full_path())
        filters = self.filters()
        filters["after"] = shown
        return redirect(f"{request.path}?{filters.urlencode()}")

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
        queue = self._queue()
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

    def _queue(self) -> QuerySet[Any]:
        # The list reads its filters from a request; it gets one of its own, without the parameters of this page.
        listed = copy(self.request)
        listed.GET = self.filters()  # type: ignore[assignment]
        queue: QuerySet[Any] = self.model_admin.get_changelist_instance(listed).queryset
        model = self.model_admin.model
        return queue.filter(state=model.State.OPEN).order_by(*model._meta.ordering)


class DecideView(ReviewerView):
    """Takes a decision and leads to the next ad."""

    http_method_names = ["post"]

    def decide(self, issue: Any, action: str, reviewer: Reviewer) -> Any:
        """Do what the button says, return the decision. Raises ``ReviewConflict``, ``SourceError``."""
        raise NotImplementedError

    def suggestion(self, decision: Any) -> str:
        """Tell what had been suggested, to somebody who decided blind."""
        raise NotImplementedError

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        filters = QueryDict(request.POST.get("filters", "")).copy()
        issue: ReviewItem | None = self.model_admin.model._default_manager.filter(pk=pk).first()
        action = request.POST.get("decision", "")
        answered = True
        if issue is None:
            messages.warning(request, _("This entry has left the queue."))
        elif action != "skip":
            version = small_number(request.POST.get("version", ""))
            issue.version = -1 if version is None else version
            answered = self._decide(issue, action, filters.urlencode())
        filters["after" if answered else "issue"] = str(pk)
        if not answered:
            # What was typed is not lost, nor what the list was narrowed to.
            filters["value"] = request.POST.get("value", "")[:LONGEST_TYPED]
            filters["brand"] = request.POST.get("brand", "")
        return redirect(f"{self.url('review')}?{filters.urlencode()}")

    def _decide(self, issue: ReviewItem, action: str, filters: str) -> bool:
        """Return whether the question is answered, by this moderator or by what happened meanwhile."""
        reviewer = self.reviewer(issue.pk)
        try:
            with source_of(issue):
                decision = self.decide(issue, action, reviewer)
        except (ChoiceRefused, SourceError) as error:
            messages.error(self.request, str(error))
            return False
        except ReviewConflict as error:
            messages.warning(self.request, str(error))
        else:
            messages.success(self.request, self._undo_link(decision, filters))
        return True

    def _undo_link(self, decision: Any, filters: str) -> str:
        text = f"{decision.get_action_display()}: {decision.move[1]}."
        if is_blind(self.request):
            # Now that it cannot lead any more.
            text += " " + self.suggestion(decision)
        url = f"{self.url('undo', decision.pk)}?{filters}"
        return format_html('{} <a href="{}" data-key="u">{}</a>', text, url, _("Undo (U)"))


class UndoView(ReviewerView):
    """Takes one decision back and shows its ad again; asked for by a link, confirmed by a button.

    The list's filters come along in its address, and go back to the review page.
    """

    def undo(self, decision: Any, reviewer: Reviewer) -> Any:
        """Take the decision back. Raises ``ReviewConflict``, ``SourceError``."""
        raise NotImplementedError

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        decision = get_object_or_404(self.model_admin.decision_model, pk=pk)
        filters = _filters(request.GET).urlencode()
        return self.render("undo.html", title=_("Undo this decision?"), decision=decision, filters=filters)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        decision = get_object_or_404(self.model_admin.decision_model, pk=pk)
        filters = _filters(request.GET)
        try:
            with source_of(decision):
                undone = self.undo(decision, self.reviewer())
        except (ReviewConflict, SourceError) as error:
            messages.warning(request, str(error))
            return redirect(f"{self.url('review')}?{filters.urlencode()}")
        messages.success(request, _("Undone: %(from)s → %(to)s.") % dict(zip(("from", "to"), undone.move, strict=True)))
        if undone.issue_id:
            filters["issue"] = str(undone.issue_id)
        return redirect(f"{self.url('review')}?{filters.urlencode()}")


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


def _filters(parameters: QueryDict) -> QueryDict:
    copy = parameters.copy()
    for name in OWN_PARAMETERS:
        copy.pop(name, None)
    return copy
