"""An ad that points at the category tree of ``taxonomy`` itself."""

from django.db import models


class Listing(models.Model):
    headline = models.CharField(max_length=120)
    category = models.ForeignKey("ad_taxonomy.Category", on_delete=models.PROTECT)

    def __str__(self):
        return self.headline
