"""The ads of cars that decisions are about: locked with all that belongs to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import prefetch_related_objects

from ad_autocategorize.models import CarIssue
from ad_autocategorize.moderation.cars.catalog import Catalog
from ad_autocategorize.moderation.cars.stated import car_relations, stated_fields
from ad_autocategorize.moderation.queue.deciding import DecisionBatch, lock_ads
from ad_autocategorize.moderation.queue.transactions import lock_in_order
from ad_autocategorize.sources.fields import fetch_along
from ad_autocategorize.sources.writing import lock_own_records


@dataclass(frozen=True, slots=True)
class LockedCar:
    """A locked ad, what it says of its car, and its entries in the queue."""

    ad: Any
    stated: dict[str, str]
    issues: list[CarIssue]


class CarBatch(DecisionBatch[LockedCar]):
    """Where car fields are decided."""

    @cached_property
    def catalog(self) -> Catalog:
        """The car catalog, read where a decision asks it."""
        return Catalog()

    def lock(self, ad_ids: Collection[str]) -> dict[str, LockedCar]:
        ads = lock_ads(self.source, ad_ids)
        for ad in ads.values():
            lock_own_records(self.source, ad)
        prefetch_related_objects(list(ads.values()), *car_relations(self.source))
        issues = defaultdict(list)
        for issue in lock_in_order(CarIssue.objects.filter(ad_id__in=ads)):
            issues[issue.ad_id].append(issue)
        return {key: LockedCar(ad, stated_fields(self.source, ad), issues[key]) for key, ad in ads.items()}

    def read_again(self, ad: Any) -> dict[str, str]:
        """Return what the database says of the ad's car now."""
        stored = fetch_along(self.source.ad_model()._default_manager.all(), car_relations(self.source))
        return stated_fields(self.source, stored.get(pk=ad.pk))
