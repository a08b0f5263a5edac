"""A Keras model -> `.tflite` files that were measured."""
