"""The base of commands that work with optional libraries."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ad_autocategorize.extras import missing_extra


class ExtraCommand(BaseCommand):
    """A command whose work needs an extra of the package.

    Its module imports the libraries of the extra late, so that ``--help`` works without them.
    """

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command. Raises ``CommandError`` where an optional library is absent."""
        try:
            return super().execute(*args, **options)
        except ModuleNotFoundError as error:
            sentence = missing_extra(error)
            if sentence is None:
                raise
            raise CommandError(sentence) from error
