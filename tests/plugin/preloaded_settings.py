"""The demo, with photos read as often as a test asks."""

from marketplace.settings import *  # noqa: F403
from marketplace.settings import AD_AUTOCATEGORIZE

AD_AUTOCATEGORIZE = {**AD_AUTOCATEGORIZE, "API_PHOTO_RATE": None}
