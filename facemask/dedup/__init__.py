"""Groups of near-duplicates, and the subset of each group."""
