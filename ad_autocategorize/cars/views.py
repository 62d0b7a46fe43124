"""How often a host's own form may have photos read: for its views, since a form knows of no client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.held_photos import TOKEN_SUFFIX
from ad_autocategorize.rates import client_key, within_rate

if TYPE_CHECKING:
    from django.views.generic.edit import FormMixin

    _Base = FormMixin[Any]
else:
    _Base = object


class PhotoRateMixin(_Base):
    """Put it before a form view such as ``CreateView``. Beyond ``API_PHOTO_RATE`` forms with photos, the photos are left aside.

    What else was typed stays in the form, which says that the photos have to wait. Photos that a view decodes and those that
    the API reads are counted apart.
    """

    request: HttpRequest

    def get_form_kwargs(self) -> dict[str, Any]:
        """Return the form's arguments, without files that came too often."""
        kwargs = super().get_form_kwargs()
        self._photos_left_aside = False
        data = kwargs.get("data") or {}
        # Photos that the site holds for the form are read once more, too.
        held = [name for name in data if name.endswith(TOKEN_SUFFIX) and data[name]]
        has_photos = bool(kwargs.get("files") or held)
        if has_photos and not within_rate("form", client_key(self.request), plugin_settings.API_PHOTO_RATE):
            self._photos_left_aside = True
            kwargs["files"] = MultiValueDict()
            kwargs["data"] = data = data.copy()
            for name in held:
                data[name] = ""
        return kwargs

    def get_form(self, form_class: Any = None) -> Any:
        """Return the form, refused where its photos were left aside."""
        form = super().get_form(form_class)
        if self._photos_left_aside:
            # Asked for its errors, a form has the list that one more can be added to.
            assert form.errors is not None  # noqa: S101
            form.add_error(None, _("That were many photos in a short time. Wait a minute, and choose them again."))
        return form
