"""What a seller had typed when the session ran out: kept in the new session until they have logged in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, QueryDict

KEY = "ad_draft"
# Signs; far more than the form has room for.
LONGEST = 20_000


def keep_draft(request: HttpRequest) -> None:
    """Keep what was posted, but for files and the token of the old session."""
    posted = request.POST.copy()
    posted.pop("csrfmiddlewaretoken", None)
    text = posted.urlencode()
    if len(text) <= LONGEST:
        request.session[KEY] = [request.path, text]


def take_draft(request: HttpRequest) -> QueryDict | None:
    """Return what was kept for this page, once; ``None`` for nothing."""
    path, text = request.session.get(KEY, ("", ""))
    if path != request.path:
        return None
    del request.session[KEY]
    return QueryDict(text)


def initial_of(form: Any, draft: QueryDict) -> dict[str, Any]:
    """Return the draft's values by the names of the form's fields."""
    values = {
        name: field.widget.value_from_datadict(draft, {}, form.add_prefix(name)) for name, field in form.fields.items()
    }
    return {name: value for name, value in values.items() if value not in (None, [])}
