"""What tests of hosts share with those of the moderation."""

from tests.moderation.conftest import moderators

__all__ = ["moderators"]
