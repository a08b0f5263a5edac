"""Ratios and bounds, measured on real data; none of it runs in the tests."""
