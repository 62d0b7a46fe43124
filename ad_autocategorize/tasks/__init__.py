"""Long work as background tasks: training, search and evaluation behind one interface, whatever queue a site has.

``enqueue("retrain_classifiers", jobs=2)`` hands a job to the queue that ``TASK_BACKEND`` names; by default it is done at once, in
the process that asks. A job is one of the plugin's commands, with its options by their names in Python.
"""

from __future__ import annotations

import io
import logging
from typing import Any

from django.core.management import CommandError, call_command
from django.utils.module_loading import import_string

from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.logs import log
from ad_autocategorize.models import Origin
from ad_autocategorize.versions import TrainingBusy

JOBS = ("retrain_classifiers", "retrain_cnn", "find_mislabels", "evaluate_classifiers", "purge_suggestion_events")
# Those that record a version, which says what started them.
_TRAININGS = ("retrain_classifiers", "retrain_cnn")


class JobFailed(RuntimeError):
    """A job ended without its result; the message is what its command said."""


def enqueue(job: str, **options: Any) -> None:
    """Hand a job to the site's queue. Raises ``ValueError`` for what is no job, and what the queue raises."""
    if job not in JOBS:
        raise ValueError(f"There is no job {job!r}; there are {', '.join(JOBS)}.")
    import_string(plugin_settings.TASK_BACKEND)(job, options)


def inline(job: str, options: dict[str, Any]) -> None:
    """Do a job at once: the queue of a site that has none."""
    run(job, options)


def run(job: str, options: dict[str, Any]) -> str:
    """Do a job, as a worker of a queue does, and return what its command printed.

    A job that is under way already, on whatever host, is not done twice: queues deliver a message again if its worker was lost,
    or if it takes longer than they wait. Raises ``JobFailed``.
    """
    out = io.StringIO()
    own = {"origin": Origin.TASK} if job in _TRAININGS else {}
    try:
        call_command(job, stdout=out, **own, **options)
    except CommandError as error:
        if isinstance(error.__cause__, TrainingBusy):
            log(logging.WARNING, "job_busy", "%s: %s", job, error, job=job)
            return str(error)
        raise JobFailed(f"{job}: {error}") from error
    return out.getvalue()
