"""A photo's file goes when its row goes, however the row is deleted."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from marketplace.models import AdPhoto


@receiver(post_delete, sender=AdPhoto)
def delete_file(instance: AdPhoto, **kwargs: Any) -> None:
    """Delete the file once the deletion is sure."""
    transaction.on_commit(lambda: instance.image.delete(save=False))
