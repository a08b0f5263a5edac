"""A source of photos -> good images and their rows, as Parquet shards; resized pixels."""
