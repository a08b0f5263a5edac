"""The nouns that the stages and the tools share; knows neither DVC nor a path of the repository."""

import os

# Here, because TensorFlow reads it while it is loaded: errors only, no start-up chatter.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
