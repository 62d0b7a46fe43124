"""Events of suggestions, written by the server as the ad is saved: what the records of categories and of car fields share.

The browser carries what it showed and what was taken in a hidden field, as it does without JavaScript; it may lie about its own
ad and about nothing else. Ranks and outcomes are worked out here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django import forms
from django.db import router, transaction
from django.db.models import Model

from ad_autocategorize.logs import log
from ad_autocategorize.models import SuggestionEvent

if TYPE_CHECKING:
    _Base = forms.BaseModelForm
else:
    _Base = object

# Of the hidden field, behind the name of the form's own one.
SUFFIX = "_suggestions"
# As a version is named; anything else is not worth asking the database about, which may refuse its signs.
VERSION = re.compile(r"[A-Za-z0-9_.:-]{1,80}")
MOST_SHOWN = 10
LONGEST_VALUE = 200


class RecordingMixin(_Base):
    """Calls ``_record`` once a model form has saved its ad; after ``save(commit=False)``, at ``save_m2m()``.

    However often a view saves the form, it is one ad, and what became of the suggestions is told once.
    """

    _is_recorded = False

    def save(self, *args: Any, **kwargs: Any) -> Any:
        """Save the ad, then record. A form that is not a model's has no ad: its own ``save()`` is left alone."""
        ad = super().save(*args, **kwargs)
        if not isinstance(self, forms.BaseModelForm):
            return ad
        if kwargs.get("commit", args[0] if args else True):
            self._record_once(ad)
        else:
            save_m2m = self.save_m2m

            def save_and_record() -> None:
                save_m2m()
                self._record_once(ad)

            self.save_m2m = save_and_record  # type: ignore[method-assign]
        return ad

    def _record_once(self, ad: Any) -> None:
        if not self._is_recorded:
            self._is_recorded = True
            self._record(ad)

    def _held(self, field: str) -> bool:
        """Return whether a field has the value that it had when the form was opened."""
        initial = self.get_initial_for_field(self.fields[field], field)
        return initial not in self.fields[field].empty_values and field not in self.changed_data

    def _record(self, ad: Any) -> None:
        """Write events. A mixin calls the others' first, and writes its own within ``recording_of``."""


def is_form_of(form: forms.BaseForm, model: type[Model]) -> bool:
    """Return whether a form may be one of ``model``: a model form of another model is not, and is left alone."""
    own = form._meta.model if isinstance(form, forms.BaseModelForm) else None
    return own is None or issubclass(own, model._meta.concrete_model or model)


@contextmanager
def recording_of(ad: Any) -> Iterator[None]:
    """Log whatever goes wrong in here, and undo it: what became of suggestions is never worth a seller's ad."""
    try:
        with transaction.atomic(using=router.db_for_write(SuggestionEvent)):
            yield
    except Exception:
        message = "What became of the suggestions for ad %s could not be recorded."
        log(logging.ERROR, "not_recorded", message, ad.pk, exc_info=True, ad=str(ad.pk))
