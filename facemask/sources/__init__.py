"""Collect labelled images from folders, archives and annotations."""
