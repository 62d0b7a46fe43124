"""Comparisons with other libraries on real data; never part of the test run."""
