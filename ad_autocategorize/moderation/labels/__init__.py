"""Ads that look mislabelled: the search, and the queue of them."""
