"""The admin: review queues, feedback, the health of the categories, and the model versions."""

from __future__ import annotations

from ad_autocategorize.admin.history import ModelActivationAdmin
from ad_autocategorize.admin.model_versions import ModelVersionAdmin
from ad_autocategorize.moderation.cars.admin import CarDecisionAdmin, CarIssueAdmin
from ad_autocategorize.moderation.feedback.admin import CarFieldEventAdmin, SuggestionEventAdmin
from ad_autocategorize.moderation.labels.admin import LabelIssueAdmin, ReviewDecisionAdmin
from ad_autocategorize.moderation.overview import ModerationAdmin
from ad_autocategorize.moderation.tree.admin import TaxonomyFindingAdmin, may_merge_categories, merge_selected
from ad_autocategorize.moderation.tree.merging import report_impact
from taxonomy.admin import CategoryAdmin

__all__ = [
    "CarDecisionAdmin",
    "CarFieldEventAdmin",
    "CarIssueAdmin",
    "LabelIssueAdmin",
    "ModelActivationAdmin",
    "ModelVersionAdmin",
    "ModerationAdmin",
    "ReviewDecisionAdmin",
    "SuggestionEventAdmin",
    "TaxonomyFindingAdmin",
]

CategoryAdmin.impact_reporters.append(report_impact)
CategoryAdmin.actions = [*(CategoryAdmin.actions or ()), merge_selected]  # type: ignore[misc]  # the class has it
# Whom that action is offered to.
CategoryAdmin.has_merge_permission = staticmethod(may_merge_categories)  # type: ignore[attr-defined]
