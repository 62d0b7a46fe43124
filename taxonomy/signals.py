"""What the taxonomy tells those who depend on it."""

from django.dispatch import Signal

# Sent once categories have other parents, in the transaction that gave them: by ``Category.save`` and by imports.
categories_moved = Signal()
