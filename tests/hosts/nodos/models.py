"""A host whose categories are a django-treebeard tree."""

from django.db import models
from treebeard.mp_tree import MP_Node


class Node(MP_Node):
    title = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.title


class Offer(models.Model):
    headline = models.CharField(max_length=100)
    node = models.ForeignKey(Node, on_delete=models.CASCADE)
    live = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.headline
