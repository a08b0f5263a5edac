"""Scripts that make data, pictures and golden files, and what tests and benchmarks share."""
