"""Deciding about an entry, and undoing it; where a script asks, with what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.utils.html import conditional_escape, format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ad_autocategorize.models import ReviewItem
from ad_autocategorize.moderation.queue.blind import is_blind
from ad_autocategorize.moderation.queue.deciding import LONGEST_TYPED, ChoiceRefused, ReviewConflict
from ad_autocategorize.moderation.queue.numbers import small_number
from ad_autocategorize.moderation.queue.views import Part, ReviewerView, ReviewView, own_filters
from ad_autocategorize.sources import SourceError
from ad_autocategorize.sources.registered import source_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a decision: a message with its level, and whether to go on to the next entry.

    Attributes
    ----------
    level : one of Django's levels of messages.
    text : may be HTML; empty for a skipped entry, about which nothing is said.
    answered : whether to go on: the question is settled by this decision or by what happened meanwhile, or was skipped.
    """

    level: int = messages.SUCCESS
    text: str = ""
    answered: bool = True


class PartsView(ReviewerView):
    """A view that answers a script with the entry to show and the one after it."""

    def page_at(self, filters: QueryDict, **parameters: object) -> ReviewView:
        """Return the queue's review page at an address."""
        page = self.model_admin.review_view(model_admin=self.model_admin)
        page.setup(self.request)
        return page.at(filters, **parameters)

    def parts(self, outcome: Outcome, filters: QueryDict, **parameters: object) -> JsonResponse:
        """Answer with the entry at an address, and the one after it."""
        try:
            shown = self.page_at(filters, **parameters).part()
            return self.parts_after(outcome, filters, shown.key, shown)
        except IncorrectLookupParameters:
            return self._start_again(outcome)

    def parts_after(
        self, outcome: Outcome, filters: QueryDict, key: int | None, shown: Part | None = None
    ) -> JsonResponse:
        """Answer with the entry after ``key``; ``shown`` takes the place of what the script shows, where it is given."""
        following = self.page_at(filters, after=key).part().html if key is not None else None
        progress = {"progress": self.page_at(filters).progress()}
        return JsonResponse(
            {
                "message": conditional_escape(outcome.text),
                "level": messages.DEFAULT_TAGS[outcome.level],
                "shown": shown.html if shown else None,
                "next": following,
                "progress": render_to_string("admin/ad_autocategorize/review_progress.html", progress, self.request),
            }
        )

    def say(self, outcome: Outcome) -> None:
        """Let the next page say what came of it."""
        if outcome.text:
            messages.add_message(self.request, outcome.level, outcome.text)

    def _start_again(self, outcome: Outcome) -> JsonResponse:
        self.say(outcome)
        return JsonResponse({"url": self.url("review")})


class DecideView(PartsView):
    """Takes a decision and leads to the next ad."""

    http_method_names = ["post"]

    def decide(self, issue: Any, action: str, reviewer: Any) -> Any:
        """Do what the button says, return the decision. Raises ``ReviewConflict``, ``SourceError``."""
        raise NotImplementedError

    def suggestion(self, decision: Any) -> str:
        """Tell what had been suggested, to somebody who decided blind."""
        raise NotImplementedError

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        filters = own_filters(QueryDict(request.POST.get("filters", "")))
        issue: ReviewItem | None = self.model_admin.model._default_manager.filter(pk=pk).first()
        outcome = self._outcome(issue, request.POST.get("decision", ""), filters.urlencode())
        own = {"after": str(pk)}
        if not outcome.answered:
            # The same entry again, with what the moderator typed and the brand whose models were listed.
            typed = request.POST.get("value", "")[:LONGEST_TYPED]
            own = {"issue": str(pk), "value": typed, "brand": request.POST.get("brand", "")}
        if not self.wants_parts():
            self.say(outcome)
            filters.update(own)
            return redirect(f"{self.url('review')}?{filters.urlencode()}")
        showing = small_number(request.POST.get("showing", "")) if outcome.answered else None
        if showing is None:
            return self.parts(outcome, filters, **own)
        return self._after_shown(outcome, filters, showing, issue)

    def _outcome(self, issue: ReviewItem | None, action: str, filters: str) -> Outcome:
        if issue is None:
            return Outcome(messages.WARNING, _("This entry has left the queue."))
        if action == "skip":
            return Outcome()
        version = small_number(self.request.POST.get("version", ""))
        issue.version = -1 if version is None else version
        try:
            with source_of(issue):
                decision = self.decide(issue, action, self.reviewer(issue.pk))
        except (ChoiceRefused, SourceError) as error:
            return Outcome(messages.ERROR, str(error), answered=False)
        except ReviewConflict as error:
            return Outcome(messages.WARNING, str(error))
        return Outcome(messages.SUCCESS, self._undo_link(decision, filters))

    def _after_shown(
        self, outcome: Outcome, filters: QueryDict, showing: int, decided: ReviewItem | None
    ) -> JsonResponse:
        """Answer a script that shows the entry ``showing`` already: send it anew only if it may look different by now."""
        shown = self.model_admin.model._default_manager.filter(pk=showing).first()
        if shown is None or shown.state != shown.State.OPEN:
            return self.parts(outcome, filters, after=self.kwargs["pk"])
        if self._may_differ(shown, decided):
            return self.parts(outcome, filters, issue=showing)
        try:
            return self.parts_after(outcome, filters, showing)
        except IncorrectLookupParameters:
            return self._start_again(outcome)

    def _may_differ(self, shown: Any, decided: ReviewItem | None) -> bool:
        """Return whether an entry may look different from what the script got.

        Somebody else may have changed it, or the decision about another entry has: of the same ad, or of a near-identical one.
        """
        if str(shown.version) != self.request.POST.get("showing_version"):
            return True
        others = (ad for name in ("neighbors", "same_photos") for ad in getattr(shown, name, ()))
        return decided is not None and decided.ad_id in (shown.ad_id, *others)

    def _undo_link(self, decision: Any, filters: str) -> str:
        text = f"{capfirst(decision.get_action_display())}: {decision.move[1]}."
        if is_blind(self.request):
            # Shown now that it can no longer influence the decision.
            text += " " + self.suggestion(decision)
        url = f"{self.url('undo', decision.pk)}?{filters}"
        return format_html('{} <a href="{}" data-key="u" data-undo>{}</a>', text, url, _("Undo (U)"))


class UndoView(PartsView):
    """Takes one decision back and shows its ad again; asked for by a link, confirmed by a button.

    The list's filters come along in its address, and go back to the review page.
    """

    def undo(self, decision: Any, reviewer: Any) -> Any:
        """Take the decision back. Raises ``ReviewConflict``, ``SourceError``."""
        raise NotImplementedError

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        decision = get_object_or_404(self.model_admin.decision_model, pk=pk)
        filters = own_filters(request.GET).urlencode()
        return self.render("undo.html", title=_("Undo this decision?"), decision=decision, filters=filters)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        decision = get_object_or_404(self.model_admin.decision_model, pk=pk)
        filters, own = own_filters(request.GET), {}
        try:
            with source_of(decision):
                undone = self.undo(decision, self.reviewer())
        except (ReviewConflict, SourceError) as error:
            outcome = Outcome(messages.WARNING, str(error))
        else:
            move = dict(zip(("from", "to"), undone.move, strict=True))
            outcome = Outcome(messages.SUCCESS, _("Undone: %(from)s → %(to)s.") % move)
            own = {"issue": str(undone.issue_id)} if undone.issue_id else {}
        if self.wants_parts():
            return self.parts(outcome, filters, **own)
        self.say(outcome)
        filters.update(own)
        return redirect(f"{self.url('review')}?{filters.urlencode()}")
