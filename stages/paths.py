"""Where the stages read and write, from the root of the repository; dvc.yaml names the same."""

from pathlib import Path

PARAMS = Path("params.yaml")

RAW = Path("data/raw")
RAW_TABLE = Path("data/raw.csv")
QUARANTINE = Path("data/quarantine.csv")
RESIZED = Path("data/resized")
SPLIT_TABLE = Path("data/split.csv")
EXTERNAL = Path("data/external")
EXTERNAL_LEFT_OUT = Path("data/external_left_out.csv")
PREDICTIONS = Path("data/predictions.csv")

KERAS_MODEL = Path("models/model.keras")
VARIANTS = Path("models/variants")
TFLITE_MODEL = Path("models/facemask.tflite")
LABELS = Path("models/labels.txt")
MODEL_CARD = Path("models/model_card.md")
EXPORTED = Path("data/exported.csv")
LOCK = Path("dvc.lock")

METRICS = Path("metrics")
PLOTS = Path("plots")

# No outputs: what may be deleted at any time, and spares a later run work.
MEMO = Path("data/memo.sqlite")
DOWNLOADS = Path("data/downloads")
BACKUP = Path("models/backup")
