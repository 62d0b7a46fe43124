"""``AdSource``: how a marketplace describes its own ads to the plugin. The one extension point.

A marketplace subclasses it as it would a ``ModelAdmin``, and names the subclass in ``AD_AUTOCATEGORIZE["SOURCE"]``::

    class ShopAds(AdSource):
        model = "shop.Listing"
        title = "headline"
        category = "section"
        published = {"state": "live"}
        date = "listed_at"

        def category_path(self, section):
            return [HostCategory(str(step.pk), step.label) for step in section.ancestors_and_self()]
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date as Date
from datetime import datetime, time
from functools import cached_property
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import router
from django.db.models import DateTimeField, Model, Q, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.utils import timezone

from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.sources.fields import SourceError, fetch_along, resolve_field, resolve_model
from ad_autocategorize.sources.filing import FiledAds
from ad_autocategorize.sources.streaming import stream
from ad_autocategorize.sources.writing import write_car_field
from ad_autocategorize.titles.settings import TitleSettings
from taxonomy.models import Category
from taxonomy.tree import CategoryTree

# Why an ad is left out that ``sync_taxonomy`` may bring in.
NOT_IN_TAXONOMY = "category not in the taxonomy"


@dataclass(frozen=True, slots=True)
class HostCategory:
    """One step of the path of a host's category: its key, unique among all the host's categories, and its name."""

    external_id: str
    name: str

    def __post_init__(self) -> None:
        """Make texts of keys that are numbers and of names that are translated lazily."""
        object.__setattr__(self, "external_id", str(self.external_id))
        object.__setattr__(self, "name", str(self.name))


@dataclass(frozen=True, slots=True)
class LabelledTitle:
    """A published ad to learn from at the ``taxonomy.Category`` with the key ``category_id``; ``others`` are its further ones."""

    ad_id: Any
    title: str
    category_id: int
    date: datetime | Date | None
    seller: str = ""
    others: tuple[int, ...] = ()

    @property
    def category_ids(self) -> tuple[int, ...]:
        """All categories of the ad."""
        return self.category_id, *self.others


class AdSource(FiledAds):
    """Describes a marketplace's ads. Subclass it; every attribute but ``model`` has a default or may stay empty.

    Attributes
    ----------
    model : the ad model, as a class or as "app.Model".
    title, category, photos, description, price, date, seller, language, brand, car_model, body_type, color, year : a field path
        ("product__name"), or the name of a method of the source that takes an ad. ``None`` where ads have no such thing.
        ``description`` and ``price`` are shown to moderators alone.
    published : lookups (a mapping or a ``Q``) of the ads that moderators have let through; all ads for ``None``.
    select_related : relations that the methods named above follow, fetched along with the ads.
    category_model : where ``category`` is a method: the model of the categories it returns.
    name : set by the plugin: the source's name in the setting ``SOURCES``, "" for a site's only one.
    title_form_field, category_form_field : names in the host's ad form, where they differ from the field paths.
    car_categories : paths such as "Vehicles > Cars" of the categories that are for cars, with all below them; the form shows the
        fields of a car for these alone. ``None`` where all ads may be of cars. Override ``is_for_cars`` for a rule of your own.
    """

    model: ClassVar[type[Model] | str]
    name: str = ""
    title: ClassVar[str] = "title"
    category: ClassVar[str] = "category"
    photos: ClassVar[str | None] = None
    description: ClassVar[str | None] = None
    price: ClassVar[str | None] = None
    date: ClassVar[str | None] = None
    seller: ClassVar[str | None] = None
    language: ClassVar[str | None] = None
    brand: ClassVar[str | None] = None
    car_model: ClassVar[str | None] = None
    body_type: ClassVar[str | None] = None
    color: ClassVar[str | None] = None
    year: ClassVar[str | None] = None
    published: ClassVar[Mapping[str, Any] | Q | None] = None
    select_related: ClassVar[Sequence[str]] = ()
    category_model: ClassVar[type[Model] | str | None] = None
    title_form_field: ClassVar[str | None] = None
    category_form_field: ClassVar[str | None] = None
    car_categories: ClassVar[Sequence[str] | None] = None

    def is_for_cars(self, path: Sequence[str]) -> bool:
        """Return whether a category is for cars, by the names along its path, the main category first."""
        return self.car_categories is None or " > ".join(path) in self.car_categories

    def category_path(self, category: Any) -> Sequence[HostCategory]:
        """Return the path of a host's category, the main category first. Override it where ads have their own categories."""
        raise SourceError(
            f"{type(self).__name__}.category_path() is missing: ads point at {self.host_category_model().__name__}, not at "
            "taxonomy.Category. Return the path of a category as a list of HostCategory(key, name)."
        )

    def host_categories(self) -> Iterable[Any]:
        """Return all the host's categories, for ``sync_taxonomy``. Override it where they live in several tables."""
        return self.host_category_model()._default_manager.all()

    def host_category(self, external_id: str) -> Any | None:
        """Return the host's category with this key, or ``None``. Override it where they live in several tables."""
        mirrors = Category.objects.filter(scope=self.scope, external_id=external_id)
        noted = mirrors.exclude(host_key="").values_list("host_key", flat=True)
        name, key = self.host_key_name(), noted.first() or external_id
        # From the database that is written to, since an ad is about to point at it.
        model = self.host_category_model()
        return model._default_manager.using(router.db_for_write(model)).filter(**{name: key}).first()

    def form_value(self, external_id: str) -> str:
        """Return what the category field of the host's form takes for the category with this key.

        Called only if it is overridden. By default the field takes what an ad's relation to its category keeps, as
        ``sync_taxonomy`` has noted it; or the key, if there is no such relation.
        """
        return external_id

    def get_queryset(self) -> QuerySet[Any]:
        """Return the published ads, in the order of their primary keys."""
        queryset = self.ad_model()._default_manager.all()
        if self.published is not None:
            queryset = queryset.filter(self.published if isinstance(self.published, Q) else Q(**self.published))
        return fetch_along(queryset, self.select_related).order_by("pk")

    def relabel(self, ad: Any, category: Any) -> None:
        """File an ad at another category. Called in a transaction, with the ad's row locked.

        ``category`` is one of those that ads point at. Override it where ``category`` is a method or a longer path, or where
        the site does more when an ad moves. Raises ``SourceError``.
        """
        if not self.is_path("category") or LOOKUP_SEP in self.category:
            raise SourceError(
                f"{type(self).__name__}.relabel(ad, category) is missing: say how an ad is filed elsewhere."
            )
        setattr(ad, self.category, category)
        ad.save(update_fields=[self.category])

    def ads_filed_at(self, categories: Sequence[Any]) -> QuerySet[Any]:
        """Return all ads filed at these categories of the host, published or not: before categories are merged or moved.

        Override it where ``category`` is a method. Raises ``SourceError``.
        """
        if not self.is_path("category"):
            raise SourceError(
                f"{type(self).__name__}.ads_filed_at(categories) is missing: say which ads are filed at a category."
            )
        return self.ads_with(categories)

    def set_car_field(self, ad: Any, name: str, text: str) -> None:
        """Write one car field of an ad. Called in a transaction, with the ad's row locked; for a brand before its model.

        ``name`` is "brand", "car_model", "body_type", "color" or "year". ``text`` is what ``value_of`` has to say afterwards;
        empty to clear the field. This writes texts, whole numbers and foreign keys to rows with a name, on the ad or on a record
        that a one-to-one relation makes its own. Override it if the field is a method or of another kind, or if the site does
        more. Raises ``SourceError``.
        """
        write_car_field(self, ad, name, text)

    # What follows is for the plugin's use; a host has no reason to override it.

    def ad_model(self) -> type[Model]:
        """Return the model of the ads. Raises ``SourceError``."""
        return resolve_model(getattr(self, "model", None), f"{type(self).__name__}.model")

    def host_category_model(self) -> type[Model]:
        """Return the model that an ad's category is of. Raises ``SourceError``."""
        if self.category_model is not None:
            return resolve_model(self.category_model, f"{type(self).__name__}.category_model")
        field = resolve_field(self.ad_model(), self.category) if self.is_path("category") else None
        related = getattr(field, "related_model", None)
        if related is None:
            raise SourceError(
                f"{type(self).__name__}.category = {self.category!r} is not a relation to a category. Name a foreign key, or "
                "a method and the category_model that it returns."
            )
        return related  # type: ignore[no-any-return]

    @cached_property
    def uses_taxonomy(self) -> bool:
        """Whether ads point at ``taxonomy.Category`` itself."""
        return self.host_category_model() is Category

    def value_in_form(self, category_id: int, tree: CategoryTree) -> str:
        """Return what the category field of the host's form takes for a category of the taxonomy."""
        if self.uses_taxonomy:
            return str(category_id)
        key = tree.external_id(category_id) or ""
        if type(self).form_value is not AdSource.form_value:
            return self.form_value(key)
        return tree.host_key(category_id) or key

    def host_key_name(self) -> str:
        """Return which field of a host's category ads keep: the foreign key's ``to_field``, or "pk"."""
        field = self.category_steps[-1].field if self.category_steps else None
        target = getattr(field, "target_field", None) if getattr(field, "many_to_one", False) else None
        return target.name if target is not None else "pk"

    def host_key(self, category: Any) -> str:
        """Return what ads and forms of the host keep of a category; empty if the host's categories live in several tables."""
        if not self.category_steps and type(self).host_categories is not AdSource.host_categories:
            return ""
        value = category.pk if self.host_key_name() == "pk" else getattr(category, self.host_key_name())
        return str(value)

    @property
    def tells_cars_apart(self) -> bool:
        """Whether the source says which categories are for cars."""
        return self.car_categories is not None or type(self).is_for_cars is not AdSource.is_for_cars

    @property
    def scope(self) -> str:
        """The scope of the source's categories in the taxonomy; ads that point at the taxonomy itself share one."""
        return "" if self.uses_taxonomy else self.name

    def form_field(self, attribute: str) -> str:
        """Return the name that the host's form gives to "title" or "category"."""
        return getattr(self, f"{attribute}_form_field") or str(getattr(self, attribute)).split(LOOKUP_SEP)[0]

    def iter_titles(
        self,
        *,
        since: Date | None = None,
        limit: int | None = None,
        skipped: Counter[str] | None = None,
        language: str | None = None,
    ) -> Iterator[LabelledTitle]:
        """Stream the published ads, one query per chunk; an ad that is filed at several categories comes once for each.

        Ads without a title, whose category the taxonomy does not hold, that are older than ``since``, or that are said to be in
        another language than ``language``, or else the title settings', are left out and counted in ``skipped`` by reason.
        """
        skipped = Counter() if skipped is None else skipped
        default = TitleSettings.from_dict(plugin_settings.TITLES).language
        wanted = primary_tag(language or default)
        find = self.category_finder(CategoryTree.load(include_inactive=True))
        for ad in self._stream(since, limit, skipped):
            title = str(self.value_of(ad, "title") or "").strip()
            category_ids = find(ad)
            if not category_ids:
                skipped[NOT_IN_TAXONOMY] += 1
            elif not title:
                skipped["no title"] += 1
            elif (primary_tag(self.value_of(ad, "language")) or primary_tag(default)) != wanted:
                skipped["in another language"] += 1
            else:
                date = self.value_of(ad, "date") if self.date else None
                seller = str(self.value_of(ad, "seller") or "")
                for pk in category_ids:
                    others = tuple(other for other in category_ids if other != pk)
                    yield LabelledTitle(ad.pk, title, pk, date, seller, others)

    def taxonomy_category_id(self, ad: Any, tree: CategoryTree) -> int | None:
        """Return the key of the first ``taxonomy.Category`` that an ad is filed at; ``None`` where ``tree`` does not hold it."""
        return next(iter(self.filed_at_ids(ad, tree)), None)

    def filed_at(self, category_ids: Sequence[int], tree: CategoryTree) -> QuerySet[Any]:
        """Return all ads filed at categories of the taxonomy, published or not. Raises ``SourceError``."""
        own = category_ids if self.uses_taxonomy else [self.own_category(pk, tree) for pk in category_ids]
        return self.ads_filed_at(own).order_by("pk")

    def own_category(self, category_id: int, tree: CategoryTree) -> Any:
        """Return the category that ads point at for one of the taxonomy. Raises ``SourceError`` where there is none."""
        if self.uses_taxonomy:
            category = Category.objects.filter(pk=category_id).first()
        else:
            key = tree.external_id(category_id) or ""
            try:
                category = self.host_category(key)
            except (ValueError, TypeError, ValidationError) as error:
                raise SourceError(
                    f"{type(self).__name__}.host_category({key!r}) fails: {error} Override it where keys are not primary keys."
                ) from error
        if category is None:
            raise SourceError(f"The marketplace has no category for {tree.path_text(category_id)}.")
        return category

    def _stream(self, since: Date | None, limit: int | None, skipped: Counter[str]) -> Iterator[Any]:
        queryset = self.get_queryset()
        if since is not None:
            queryset = self._from_day_on(since, queryset, skipped)
        queryset = fetch_along(queryset, self.relations())
        return stream(queryset, limit)

    def _from_day_on(self, since: Date, ads: QuerySet[Any], skipped: Counter[str]) -> QuerySet[Any]:
        if self.date is None or not self.is_path("date"):
            raise SourceError(f"{type(self).__name__}.date must be a field path for ads to be chosen by date.")
        begin = self._day_begins(since)
        left_out = {
            "older than asked for": Q((f"{self.date}__lt", begin)),
            "no date": Q((f"{self.date}__isnull", True)),
        }
        for reason, condition in left_out.items():
            if number := ads.filter(condition).count():
                skipped[reason] += number
        return ads.filter(**{f"{self.date}__gte": begin})

    def _day_begins(self, day: Date) -> Date:
        """Return the first moment of ``day`` at the site where ads have moments, or the day itself where they have days."""
        if not isinstance(resolve_field(self.ad_model(), str(self.date)), DateTimeField):
            return day
        midnight = datetime.combine(day, time.min)
        return timezone.make_aware(midnight) if settings.USE_TZ else midnight


def require_ads(source: AdSource, count: int, skipped: Counter[str]) -> None:
    """Raise ``SourceError`` with the remedy if no ad is left to read, and some lack their category in the taxonomy."""
    if count or not skipped[NOT_IN_TAXONOMY]:
        return
    remedy = "Fill it with import_taxonomy" if source.uses_taxonomy else "Run sync_taxonomy"
    raise SourceError(
        f"{skipped[NOT_IN_TAXONOMY]} ads are left out, since the taxonomy does not hold their categories. {remedy} first."
    )


def primary_tag(language: object) -> str:
    """Return "es" for "es-AR", and nothing for nothing."""
    return re.split("[-_]", str(language or "").strip().lower())[0]
