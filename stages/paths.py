"""The files that stages read and write, relative to the repository. dvc.yaml names most of them."""

from pathlib import Path

PARAMS = Path("params.yaml")

# The published model, with which `evaluate` compares a model that is trained from scratch.
PUBLISHED = Path("results/published/model.keras")

# `ingest` writes shards of images.
# It also writes tables of faces, of people and of quarantined files.
RAW = Path("data/raw/collection")
RAW_EXTERNAL = Path("data/raw/external")
RAW_PHOTOS = Path("data/raw/photos")
FACES = Path("data/faces.csv")
PEOPLE = Path("data/people.csv")
QUARANTINE = Path("data/quarantine.csv")

# `resize` writes shards of pixels.
RESIZED = Path("data/resized/collection")
RESIZED_EXTERNAL = Path("data/resized/external")

# `split` writes the group and subset of each image.
SPLIT = Path("data/split.csv")
EXTERNAL = Path("data/external.csv")
EXCLUDED = Path("data/excluded.csv")

# `train` writes the model.
KERAS_MODEL = Path("models/model.keras")

# `evaluate` writes the prediction of each image.
PREDICTIONS = Path("data/predictions.csv")
HEADLINES = Path("metrics/evaluate")

# `export_tflite` writes all variants and their predictions.
# It also copies the chosen variant, and writes its predictions on whole photos.
VARIANTS = Path("models/variants")
TFLITE_MODEL = Path("models/facemask.tflite")
LABELS = Path("models/labels.txt")
MODEL_CARD = Path("models/model_card.md")
EXPORTED = Path("data/exported.csv")
PHOTOS = Path("data/photos.csv")
SCENES = Path("data/scenes.csv")
SIZE = Path("metrics/export_tflite/kilobytes.json")
BALANCED_ACCURACY = Path("metrics/export_tflite/balanced_accuracy.json")

# Stages write figures to `details/`.
# They write pictures and curves to `plots/`.
DETAILS = Path("details")
PLOTS = Path("plots")

# These are not DVC outputs, and are safe to delete. They save time or describe the last run.
CACHE = Path("data/cache.sqlite")
DOWNLOADS = Path("data/downloads")
BACKUP = Path("models/backup")
LIVE = Path("metrics/live.json")
TIMING = Path("timing")
