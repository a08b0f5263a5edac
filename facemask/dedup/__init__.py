"""Which images belong together, and which subset each of them is in."""
