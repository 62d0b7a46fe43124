"""The review queue of car fields; what fills it is in ``search``."""
