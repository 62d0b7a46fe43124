"""The review queue of ads that look mislabelled; what fills it is in ``search``."""
