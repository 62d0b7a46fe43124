"""The row that lets one training run at a time, on whatever host."""

from __future__ import annotations

from django.db import models


class TrainingLock(models.Model):
    """A training under way. A row whose ``expires_at`` is past belongs to a holder that was killed, and may be taken over."""

    name = models.CharField(max_length=40, unique=True)
    host = models.CharField(max_length=100)
    process = models.PositiveIntegerField()
    # Tells this holder from an earlier one: the system uses process numbers again.
    token = models.CharField(max_length=16)
    acquired_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    progress = models.CharField(max_length=200, blank=True)

    class Meta:
        # People see it on the page of the model versions alone, which has permissions of its own.
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name}: {self.host}, {self.process}"
