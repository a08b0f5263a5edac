"""Measure a model on labelled images: figures and contact sheets."""
