"""Django's tasks as the queue, those of the package django-tasks before Django 6.

``TASK_BACKEND`` is "ad_autocategorize.tasks.django.enqueue".
"""

from __future__ import annotations

from typing import Any

from ad_autocategorize import tasks

try:
    from django.tasks import task
except ImportError:
    from django_tasks import task  # type: ignore[no-redef]


@task()
def run(job: str, options: dict[str, Any]) -> str:
    """Do a job in a worker."""
    return tasks.run(job, options)


def enqueue(job: str, options: dict[str, Any]) -> None:
    """Hand a job to the default backend of ``TASKS``."""
    run.enqueue(job, options)
