"""Where the stages read and write, from the root of the repository; dvc.yaml names the same."""

from pathlib import Path

PARAMS = Path("params.yaml")

# The published model. A model that is trained from scratch is compared with it.
PUBLISHED = Path("results/published/model.keras")

# `ingest` writes shards of images with their rows, and tables about them.
RAW = Path("data/raw/collection")
RAW_EXTERNAL = Path("data/raw/external")
RAW_PHOTOS = Path("data/raw/photos")
FACES = Path("data/faces.csv")
PEOPLE = Path("data/people.csv")
QUARANTINE = Path("data/quarantine.csv")

# `resize` writes shards of pixels.
RESIZED = Path("data/resized/collection")
RESIZED_EXTERNAL = Path("data/resized/external")

# `split` writes a row for each image, with its group and subset.
SPLIT = Path("data/split.csv")
EXTERNAL = Path("data/external.csv")
EXCLUDED = Path("data/excluded.csv")

# `train` writes the model.
KERAS_MODEL = Path("models/model.keras")

# `evaluate` writes a row for each image, with its prediction.
PREDICTIONS = Path("data/predictions.csv")
HEADLINES = Path("metrics/evaluate")

# `export_tflite` writes the variants, the variant that ships, and rows of its answers.
VARIANTS = Path("models/variants")
TFLITE_MODEL = Path("models/facemask.tflite")
LABELS = Path("models/labels.txt")
MODEL_CARD = Path("models/model_card.md")
EXPORTED = Path("data/exported.csv")
PHOTOS = Path("data/photos.csv")
SCENES = Path("data/scenes.csv")
SIZE = Path("metrics/export_tflite/kilobytes.json")
BALANCED_ACCURACY = Path("metrics/export_tflite/balanced_accuracy.json")

# Figures in all details; pictures and curves.
DETAILS = Path("details")
PLOTS = Path("plots")

# Not DVC outputs; safe to delete. They make later runs faster, or describe the last run.
CACHE = Path("data/cache.sqlite")
DOWNLOADS = Path("data/downloads")
BACKUP = Path("models/backup")
LIVE = Path("metrics/live.json")
TIMING = Path("timing")
