"""Readers of the files that taxonomies and car catalogs are published in."""
