"""The review page: one ad after the other, each decided with one key or one button."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.generic import View

from ad_autocategorize.moderation.models import LabelIssue, ReviewDecision
from ad_autocategorize.moderation.presentation import path_text, present
from ad_autocategorize.moderation.review import ReviewConflict, Reviewer, accept, choose, keep, undo
from ad_autocategorize.services import active_tree
from ad_autocategorize.sources import SourceError
from taxonomy.tree import CategoryTree

if TYPE_CHECKING:
    from ad_autocategorize.moderation.admin import LabelIssueAdmin

BLIND_KEY = "ad_autocategorize_blind_review"
# Parameters of the page's own; all others are the list's filters.
OWN_PARAMETERS = ("issue", "after")
REVIEW_URL = "admin:ad_autocategorize_labelissue_review"


def is_blind(request: HttpRequest) -> bool:
    """Return whether suggestions are hidden from this moderator until he has decided."""
    return bool(request.session.get(BLIND_KEY))


class ReviewerView(View):
    """A view for those who may review; ``model_admin`` is the queue's."""

    model_admin: LabelIssueAdmin = cast("LabelIssueAdmin", None)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not self.model_admin.has_view_permission(request):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def reviewer(self) -> Reviewer:
        """Return the moderator, and whether he decides blind."""
        return Reviewer(cast(AbstractBaseUser, self.request.user), blind=is_blind(self.request))


class ReviewView(ReviewerView):
    """Shows the issue asked for, or the first one that the filters leave."""

    def get(self, request: HttpRequest) -> HttpResponse:
        tree, active = CategoryTree.load(include_inactive=True), active_tree()
        issue, item = self._issue(), None
        while issue is not None and (item := present(issue, tree, active)) is None:
            # The ad is gone: so is the question.
            issue.delete()
            issue = self._issue()
        context = {
            **self.model_admin.admin_site.each_context(request),
            "title": _("Review ads that look mislabelled"),
            "opts": self.model_admin.opts,
            "item": item,
            "blind": is_blind(request),
            "filters": _filters(request.GET).urlencode(),
            "after": request.GET.get("after", ""),
            "categories": [(pk, path_text(tree, pk)) for pk in active] if item else [],
        }
        return TemplateResponse(request, "admin/ad_autocategorize/labelissue/review.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Switch blind mode."""
        request.session[BLIND_KEY] = "blind" in request.POST
        return redirect(request.get_full_path())

    def _issue(self) -> LabelIssue | None:
        wanted = self.request.GET.get("issue", "")
        if wanted.isdecimal():
            issue = LabelIssue.objects.filter(pk=wanted).first()
            if issue is not None:
                return issue
            messages.warning(self.request, _("This ad has left the queue."))
        queue = self._queue()
        after = self.request.GET.get("after", "")
        last = LabelIssue.objects.filter(pk=after).first() if after.isdecimal() else None
        if last is not None:
            queue = queue.filter(Q(priority__lt=last.priority) | Q(priority=last.priority, pk__gt=last.pk))
        return queue.order_by("-priority", "pk").first()

    def _queue(self) -> QuerySet[LabelIssue]:
        # The list's own filters, read from the same parameters.
        given = self.request.GET
        self.request.GET = _filters(given)  # type: ignore[assignment]
        try:
            queue: QuerySet[LabelIssue] = self.model_admin.get_changelist_instance(self.request).queryset
        finally:
            self.request.GET = given
        return queue.filter(state=LabelIssue.State.OPEN)


class DecideView(ReviewerView):
    """Takes a decision and leads to the next ad."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        filters = QueryDict(request.POST.get("filters", "")).copy()
        issue = LabelIssue.objects.filter(pk=pk).first()
        action = request.POST.get("decision", "")
        if issue is None:
            messages.warning(request, _("This ad has left the queue."))
        elif action == "skip":
            pass
        else:
            version = request.POST.get("version", "")
            issue.version = int(version) if version.isdecimal() else -1
            self._decide(issue, action)
        filters["after"] = str(pk)
        return redirect(f"{reverse(REVIEW_URL)}?{filters.urlencode()}")

    def _decide(self, issue: LabelIssue, action: str) -> None:
        request, reviewer = self.request, self.reviewer()
        try:
            if action == "accept" and not reviewer.blind:
                decision = accept(issue, reviewer)
            elif action == "keep":
                decision = keep(issue, reviewer)
            else:
                category = action if action.isdecimal() else request.POST.get("category", "")
                if not category.isdecimal():
                    messages.error(request, _("Choose a category first."))
                    return
                decision = choose(issue, int(category), reviewer)
        except (ReviewConflict, SourceError) as error:
            messages.warning(request, str(error))
            return
        messages.success(request, _undo_button(decision, reviewer))


class UndoView(ReviewerView):
    """Takes one decision back and shows its ad again; asked for by a link, confirmed by a button."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        context = {
            **self.model_admin.admin_site.each_context(request),
            "title": _("Undo this decision?"),
            "opts": self.model_admin.opts,
            "decision": get_object_or_404(ReviewDecision, pk=pk),
        }
        return TemplateResponse(request, "admin/ad_autocategorize/labelissue/undo.html", context)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        decision = get_object_or_404(ReviewDecision, pk=pk)
        try:
            undone = undo(decision, self.reviewer())
        except (ReviewConflict, SourceError) as error:
            messages.warning(request, str(error))
            return redirect(REVIEW_URL)
        messages.success(request, _("Undone: %(from)s → %(to)s.") % {"from": undone.from_path, "to": undone.to_path})
        return redirect(f"{reverse(REVIEW_URL)}?issue={undone.issue_id}" if undone.issue_id else REVIEW_URL)


def _filters(parameters: QueryDict) -> QueryDict:
    copy = parameters.copy()
    for name in OWN_PARAMETERS:
        copy.pop(name, None)
    return copy


def _undo_button(decision: ReviewDecision, reviewer: Reviewer) -> str:
    text = f"{decision.get_action_display()}: {decision.to_path}."
    if reviewer.blind:
        # Now that it cannot lead any more.
        text += " " + _("The suggestion was %(path)s.") % {"path": decision.suggested_path}
    url = reverse("admin:ad_autocategorize_labelissue_undo", args=[decision.pk])
    return format_html('{} <a href="{}" data-key="u">{}</a>', text, url, _("Undo (U)"))
