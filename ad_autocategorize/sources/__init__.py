"""How a marketplace describes its own ads to the plugin: ``AdSource``, the one extension point."""

from ad_autocategorize.sources.fields import SourceError
from ad_autocategorize.sources.registered import get_source, using_source
from ad_autocategorize.sources.source import AdSource, HostCategory, LabelledTitle

__all__ = ["AdSource", "HostCategory", "LabelledTitle", "SourceError", "get_source", "using_source"]
