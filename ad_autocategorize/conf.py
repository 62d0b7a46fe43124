"""The plugin's settings, read through one object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed

SETTING = "AD_AUTOCATEGORIZE"

DEFAULTS: dict[str, Any] = {
    # Dotted path of the marketplace's AdSource subclass.
    "SOURCE": None,
    # Several of them in its place, by names of your own, where a site has several kinds of ads: {"jobs": "shop.sources.Jobs"}.
    "SOURCES": {},
    # Languages that ads are written in, such as ["es", "pt"]: each has a model of its own. None where one model serves all.
    "LANGUAGES": [],
    # Folder for trained models; must not be served to the public.
    "MODEL_DIR": None,
    # Name in STORAGES of a storage for trained models, such as one of S3; None where MODEL_DIR itself holds them.
    "MODEL_STORAGE": None,
    # Overrides of titles.settings.TitleSettings, such as {"language": "en", "extra_stopwords": ["permuto"]}.
    "TITLES": {},
    # Overrides of photos.settings.PhotoSettings, such as {"architecture": "resnet50", "height": 224, "width": 224}.
    "PHOTOS": {},
    # Share of the answers that a car field is filled in for that should be right.
    "PHOTO_PRECISION": 0.9,
    # Groups of [brand, model] that are one car under several badges, such as [[["Fiat", "Strada"], ["Ram", "700"]]].
    "TWIN_CARS": [],
    # How much less accurate than the version in service a new one may be, in shares; one that is surely worse is not promoted.
    "PROMOTION_TOLERANCE": 0.01,
    # Suggestions that the form shows.
    "SUGGESTION_COUNT": 3,
    # Longer titles are refused by the API, and cut by everything else.
    "MAX_TITLE_LENGTH": 500,
    # Dotted paths of REST framework authentication classes for the API: passwords and tokens are for who wants them.
    "API_AUTHENTICATION": ["rest_framework.authentication.SessionAuthentication"],
    # Dotted paths of REST framework permission classes for the API.
    "API_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    # Requests that one client may make, as REST framework writes rates; None for no limit.
    "API_ANONYMOUS_RATE": "120/min",
    "API_USER_RATE": "600/min",
    # The same for what costs more, counted by user or else by address: batches of titles, and photos.
    "API_BATCH_RATE": "30/min",
    "API_PHOTO_RATE": "20/min",
    # Titles in one batch.
    "API_BATCH_LIMIT": 100,
    # Days that the events of suggested categories and car fields are kept; manage.py purge_suggestion_events deletes older ones.
    "EVENT_RETENTION_DAYS": 365,
    # How much a label counts in training, beside 1 for any other: an ad filed by a suggestion that was taken as it was, one
    # whose seller passed over or changed what was suggested, one that a moderator decided about.
    "ECHOED_LABEL_WEIGHT": 0.75,
    "CORRECTED_LABEL_WEIGHT": 1.1,
    "MODERATED_LABEL_WEIGHT": 1.5,
    # A seller's ads in one category weigh no more together than this many; None for no limit.
    "ADS_PER_SELLER": 100,
    # Dotted path of what hands long work to a queue: "ad_autocategorize.tasks.celery.enqueue" or "….tasks.django.enqueue".
    "TASK_BACKEND": "ad_autocategorize.tasks.inline",
}


class PluginSettings:
    """``plugin_settings.MODEL_DIR`` is the host's value, or the default; follows ``override_settings``."""

    @property
    def host_values(self) -> dict[str, Any]:
        """What the host's settings module says, unchecked."""
        values = getattr(settings, SETTING, {})
        return values if isinstance(values, dict) else {}

    def __getattr__(self, name: str) -> Any:
        if name not in DEFAULTS:
            raise AttributeError(f"{SETTING} has no key {name!r}; it has {', '.join(DEFAULTS)}.")
        value = self.host_values.get(name, DEFAULTS[name])
        # Kept until the setting changes, as REST framework does.
        self.__dict__[name] = value
        return value

    @property
    def model_dir(self) -> Path:
        """The folder of trained models. Raises ``LookupError`` where the host has not set one."""
        if not self.MODEL_DIR:
            raise LookupError(f'{SETTING}["MODEL_DIR"] is not set: name a folder for trained models.')
        return Path(self.MODEL_DIR)

    def reload(self) -> None:
        """Forget the values read so far."""
        self.__dict__.clear()


plugin_settings = PluginSettings()


def _reload(*, setting: str, **kwargs: Any) -> None:
    if setting == SETTING:
        plugin_settings.reload()


setting_changed.connect(_reload)
