"""The base of commands that work with optional libraries."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ad_autocategorize.extras import missing_extra


class ExtraCommand(BaseCommand):
    """A command whose work needs an extra of the package.

    Its module imports the libraries of the extra late, so that ``--help`` works without them.
    """

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command. Raises ``CommandError`` where an optional library is absent, or memory runs out."""
        try:
            return super().execute(*args, **options)
        except ModuleNotFoundError as error:
            sentence = missing_extra(error)
            if sentence is None:
                raise
            raise CommandError(sentence) from error
        except BrokenExecutor as error:
            raise CommandError(
                "A process that worked along was ended from outside, as systems do when memory runs out. Nothing was recorded. "
                "Give it more memory, or fewer --jobs."
            ) from error
        except MemoryError as error:
            raise CommandError("There is not enough memory for this. Nothing was recorded.") from error
