"""Rows and pixels -> a trained Keras model."""
