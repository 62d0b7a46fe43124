"""The category tree itself: what looks wrong with it, and merging categories."""
