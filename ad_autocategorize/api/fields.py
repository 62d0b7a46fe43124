"""Serializer fields that take what the schema says and nothing near it: a string is no number."""

from __future__ import annotations

from typing import Any

from django.core.validators import MaxLengthValidator
from django.http import QueryDict
from rest_framework import serializers

from ad_autocategorize.conf import plugin_settings


class TitleField(serializers.CharField):
    """What a seller types, up to ``MAX_TITLE_LENGTH``; signs that no text has are passed over, not refused."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_blank=True, trim_whitespace=False, **kwargs)
        longest = MaxLengthValidator(lambda: plugin_settings.MAX_TITLE_LENGTH)
        # Not CharField's own: they refuse NUL and lone surrogates.
        self.validators = [longest]

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data.encode("utf-8", "replace").decode().replace("\x00", " ")


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
        super().__init__(regex=r"^[A-Za-z0-9_.:-]*$", trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)
