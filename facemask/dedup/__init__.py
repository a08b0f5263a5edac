"""Which images descend from one picture, and on which side of the split each group is."""
