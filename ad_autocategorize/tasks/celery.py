"""Celery as the queue.

``TASK_BACKEND`` is "ad_autocategorize.tasks.celery.enqueue", and this module is one of Celery's ``imports``.
"""

from __future__ import annotations

from typing import Any

from celery import shared_task

from ad_autocategorize import tasks


# Acknowledged once it is done: the job of a worker that was killed is delivered again.
@shared_task(name="ad_autocategorize.run", acks_late=True, reject_on_worker_lost=True)
def run(job: str, options: dict[str, Any]) -> str:
    """Do a job in a worker."""
    return tasks.run(job, options)


def enqueue(job: str, options: dict[str, Any]) -> None:
    """Hand a job to Celery."""
    run.delay(job, options)
