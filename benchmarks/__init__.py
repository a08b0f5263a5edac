"""Measurements on real data. People run them by hand; the tests do not."""
