"""Shards, tables, pixels and signatures: what every later stage reads."""
