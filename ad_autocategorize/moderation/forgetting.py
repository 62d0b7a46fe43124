"""What the plugin keeps of a user, and taking it away: when the account is deleted, and by ``manage.py forget_user``.

What stays: that decisions were made, when and about which categories, without who made them; figures; and what a model in
service has learned, until the next training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Model, QuerySet
from django.dispatch import Signal

from ad_autocategorize.models import CarDecision, CarFieldEvent, CarIssue, LabelIssue, ReviewDecision, SuggestionEvent
from ad_autocategorize.sources import AdSource, SourceError, using_source
from ad_autocategorize.sources.fields import resolve_field
from ad_autocategorize.sources.registered import car_source_name, source_names

# Sent once the plugin has forgotten a user, in the same transaction, with ``user``, ``name`` and the keys of the user's ads as
# texts in ``ad_ids``: a site that keeps more of them takes it away then.
user_forgotten = Signal()

FORGOTTEN = "—"
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows lost what they held of a user."""

    review_items: int = 0
    decisions: int = 0
    events: int = 0
    log_entries: int = 0


@transaction.atomic
def forget(user: Any) -> Forgotten:
    """Take away what the plugin and the admin's log hold of a user, who may be about to be deleted, as seller and moderator."""
    name = user.get_username()
    items = decisions = events = log_entries = 0
    for item in (LabelIssue, CarIssue):
        # Whole: an issue holds words of the title, and what the ad says of its car.
        items += item._default_manager.filter(seller__in=[name, str(user.pk)]).delete()[0]
    for decision in (ReviewDecision, CarDecision):
        # The trail refuses every change but this one.
        rows: QuerySet[Any] = QuerySet(decision)
        decisions += rows.filter(moderator_name=name).update(moderator_name=FORGOTTEN, moderator=None)
    ads_of_cars, all_ids = car_source_name(), []
    for source_name in source_names():
        # Keys of ads are known within one source.
        with using_source(source_name) as source:
            ad_ids = _ads_of(user, source)
        all_ids += ad_ids
        for part in _parts(ad_ids):
            items += LabelIssue.objects.filter(source=source_name, ad_id__in=part).delete()[0]
            events += SuggestionEvent.objects.filter(source=source_name, ad_id__in=part).update(ad_id="")
            if source_name == ads_of_cars:
                items += CarIssue.objects.filter(ad_id__in=part).delete()[0]
                events += CarFieldEvent.objects.filter(ad_id__in=part).update(ad_id="")
        log_entries += _clean_log_of_ads(source, ad_ids)
    log_entries += _clean_log_of_user(user)
    user_forgotten.send(sender=type(user), user=user, name=name, ad_ids=all_ids)
    return Forgotten(items, decisions, events, log_entries)


def forget_deleted(sender: type[Model], instance: Model, **kwargs: Any) -> None:
    """Forget a user who is about to be deleted; connected to ``pre_delete``, while the ads are still there."""
    forget(instance)


def _ads_of(user: Any, source: AdSource) -> list[str]:
    """Return the keys of a user's ads; none where the source does not say by a field path whose they are."""
    if source.seller is None or not source.is_path("seller"):
        return []
    try:
        field = resolve_field(source.ad_model(), source.seller)
    except SourceError:
        return []
    is_text = field.get_internal_type() in ("CharField", "TextField", "EmailField", "SlugField")
    wanted = user.get_username() if is_text else user.pk
    ads = source.ad_model()._default_manager.filter(**{source.seller: wanted})
    return [str(key) for key in ads.values_list("pk", flat=True)]


def _clean_log_of_ads(source: AdSource, ad_ids: list[str]) -> int:
    """Take the titles of ads out of the admin's log."""
    return sum(_clean_log(source.ad_model(), part) for part in _parts(ad_ids))


def _clean_log_of_user(user: Any) -> int:
    """Take the user's name out of the admin's log."""
    return _clean_log(get_user_model(), [str(user.pk)])


def _clean_log(model: type[Model], keys: list[str]) -> int:
    if not apps.is_installed("django.contrib.admin"):
        return 0
    from django.contrib.admin.models import LogEntry
    from django.contrib.contenttypes.models import ContentType

    entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model), object_id__in=keys)
    return entries.update(object_repr=FORGOTTEN, change_message="")


def _parts(keys: list[str]) -> list[list[str]]:
    return [keys[start : start + _BATCH] for start in range(0, len(keys), _BATCH)]
