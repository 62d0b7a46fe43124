"""A host whose ads have several categories of a django-treebeard tree: plainly, and by a table with more to say."""

from django.db import models
from treebeard.mp_tree import MP_Node


class Topic(MP_Node):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Notice(models.Model):
    title = models.CharField(max_length=100)
    topics = models.ManyToManyField(Topic, related_name="notices")
    live = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.title


class Placement(models.Model):
    offer = models.ForeignKey("Offer", on_delete=models.CASCADE)
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE)
    paid = models.BooleanField()

    def __str__(self) -> str:
        return f"{self.offer}: {self.topic}"


class Offer(models.Model):
    title = models.CharField(max_length=100)
    topics = models.ManyToManyField(Topic, through=Placement, related_name="offers")

    def __str__(self) -> str:
        return self.title
