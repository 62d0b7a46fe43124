"""Measurements written up for people: terminal tables, and HTML reports in one file."""
