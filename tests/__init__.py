"""Behaviour through the public door: parameters in, files and metrics out."""
