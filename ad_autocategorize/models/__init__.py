"""The plugin's tables."""

from ad_autocategorize.models.activation import ModelActivation, Origin, Reason
from ad_autocategorize.models.cars import CarDecision, CarEvidence, CarIssue, car_text
from ad_autocategorize.models.decisions import Decision, ImmutableRecordError, ReviewItem
from ad_autocategorize.models.events import CarFieldEvent, Event, FieldState, SuggestionEvent
from ad_autocategorize.models.findings import PostponedFinding, TaxonomyFinding
from ad_autocategorize.models.labels import LabelIssue, Moderation, ReviewDecision
from ad_autocategorize.models.training_lock import TrainingLock
from ad_autocategorize.models.version import ModelVersion

__all__ = [
    "CarDecision",
    "CarEvidence",
    "CarFieldEvent",
    "CarIssue",
    "Decision",
    "Event",
    "FieldState",
    "ImmutableRecordError",
    "LabelIssue",
    "ModelActivation",
    "ModelVersion",
    "Moderation",
    "Origin",
    "PostponedFinding",
    "Reason",
    "ReviewDecision",
    "ReviewItem",
    "SuggestionEvent",
    "TaxonomyFinding",
    "TrainingLock",
    "car_text",
]
