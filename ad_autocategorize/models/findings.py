"""What a search noticed about the category tree itself."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class TaxonomyFinding(models.Model):
    """Something about the category tree itself that a search noticed; replaced by the next search."""

    class Kind(models.TextChoices):
        UNUSED = "unused", _("never used")
        RARE = "rare", _("hardly used")
        MERGE = "merge", _("confused with each other: merge?")
        SPLIT = "split", _("hidden groups: split?")
        OTHERS = "others", _("catch-all whose ads belong elsewhere")

    kind = models.CharField(_("finding"), max_length=12, choices=Kind.choices)
    source = models.CharField(_("kind of ads"), max_length=50, blank=True, default="")
    category = models.ForeignKey(
        "ad_taxonomy.Category", on_delete=models.CASCADE, related_name="+", verbose_name=_("category")
    )
    other = models.ForeignKey(
        "ad_taxonomy.Category",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("other category"),
    )
    ads = models.PositiveIntegerField(_("ads"), help_text=_("At the category and below it."))
    weight = models.FloatField(_("weight"), help_text=_("How clear it is, within 0 to 1."))
    details = models.JSONField(_("numbers"), default=dict, blank=True)
    examples = models.JSONField(_("examples"), default=list, blank=True, help_text=_("Keys of ads."))
    found_at = models.DateTimeField(_("found"))

    class Meta:
        verbose_name = _("finding about the categories")
        verbose_name_plural = _("health of the categories")
        ordering = ["kind", "-weight", "-ads", "pk"]
        default_permissions = ["view"]

    def __str__(self) -> str:
        return self.get_kind_display()


class PostponedFinding(models.Model):
    """A question about the tree that a person does not want to see for now; outlives the searches that find it again."""

    kind = models.CharField(_("finding"), max_length=12, choices=TaxonomyFinding.Kind.choices)
    category = models.ForeignKey("ad_taxonomy.Category", on_delete=models.CASCADE, related_name="+")
    # Of a pair, whose two may change places from search to search, the one with the larger key.
    other = models.ForeignKey("ad_taxonomy.Category", on_delete=models.CASCADE, related_name="+", null=True, blank=True)
    postponed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("postponed finding")
        verbose_name_plural = _("postponed findings")
        default_permissions = ()

    def __str__(self) -> str:
        return self.get_kind_display()
