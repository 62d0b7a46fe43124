"""What became of suggestions, for people to read."""
