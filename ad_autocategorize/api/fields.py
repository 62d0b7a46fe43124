"""Serializer fields that take what the schema says and nothing near it: a string is no number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.validators import MaxLengthValidator
from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework import serializers

from ad_autocategorize.conf import plugin_settings


class TypedField(serializers.CharField):
    """What a seller types, up to so many signs; signs that no text has are passed over, not refused."""

    def __init__(self, longest: int | Callable[[], int], **kwargs: Any) -> None:
        super().__init__(allow_blank=True, trim_whitespace=False, **kwargs)
        # Not CharField's own: they refuse NUL and lone surrogates.
        self.validators = [MaxLengthValidator(longest)]

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data.encode("utf-8", "replace").decode().replace("\x00", " ")


class TitleField(TypedField):
    """A title, up to ``MAX_TITLE_LENGTH``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(lambda: plugin_settings.MAX_TITLE_LENGTH, **kwargs)


class TitlesField(serializers.ListField):
    """Titles, up to ``API_BATCH_LIMIT`` of them: counted before the first is looked at, and refused at the first that is none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=TitleField(), allow_empty=False, min_length=1, **kwargs)

    def to_internal_value(self, data: Any) -> list[str]:
        most = plugin_settings.API_BATCH_LIMIT
        if isinstance(data, list) and len(data) > most:
            # Of a million titles each would be read, and each wrong one answered.
            raise serializers.ValidationError(
                _("At most %(limit_value)d titles, please.") % {"limit_value": most}, "max_length"
            )
        return list(super().to_internal_value(data))


class WholeNumberField(serializers.IntegerField):
    """A number without a fraction; a string of digits is one in a form, and none in JSON."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(getattr(self.root, "initial_data", None), QueryDict):
            # A form has nothing but strings.
            return super().to_internal_value(data)
        if type(data) is float and data.is_integer():
            data = int(data)
        if type(data) is not int:
            self.fail("invalid")
        return data


class YesNoField(serializers.BooleanField):
    """True or false; their many spellings are a form's, and none of JSON's."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(getattr(self.root, "initial_data", None), QueryDict) and not isinstance(data, bool):
            self.fail("invalid", input=data)
        return bool(super().to_internal_value(data))


class KeyField(serializers.RegexField):
    """A key: letters, digits and a few signs, so that no text of a person's can come in with it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(regex=r"\A[A-Za-z0-9_.:-]*\Z", trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)
