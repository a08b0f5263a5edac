"""Where the stages read and write, from the root of the repository; dvc.yaml names the same."""

from pathlib import Path

PARAMS = Path("params.yaml")
PUBLISHED = Path("results/published/model.keras")

RAW = Path("data/raw/collection")
RAW_EXTERNAL = Path("data/raw/external")
RAW_PHOTOS = Path("data/raw/photos")
FACES = Path("data/faces.csv")
QUARANTINE = Path("data/quarantine.csv")
RESIZED = Path("data/resized/collection")
RESIZED_EXTERNAL = Path("data/resized/external")
SPLIT = Path("data/split.csv")
EXTERNAL = Path("data/external.csv")
EXCLUDED = Path("data/excluded.csv")
PEOPLE = Path("data/people.csv")
PREDICTIONS = Path("data/predictions.csv")

KERAS_MODEL = Path("models/model.keras")
VARIANTS = Path("models/variants")
TFLITE_MODEL = Path("models/facemask.tflite")
LABELS = Path("models/labels.txt")
MODEL_CARD = Path("models/model_card.md")
EXPORTED = Path("data/exported.csv")
PHOTOS = Path("data/photos.csv")
SCENES = Path("data/scenes.csv")

HEADLINES = Path("metrics/evaluate")
SIZE = Path("metrics/export_tflite/kilobytes.json")
BALANCED_ACCURACY = Path("metrics/export_tflite/balanced_accuracy.json")
DETAILS = Path("details")
PLOTS = Path("plots")

# Not DVC outputs; safe to delete. They save later runs work, or say how this run went.
CACHE = Path("data/cache.sqlite")
DOWNLOADS = Path("data/downloads")
BACKUP = Path("models/backup")
LIVE = Path("metrics/live.json")
TIMING = Path("timing")
