"""A model and rows -> numbers and pictures."""
