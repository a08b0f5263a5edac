"""Scripts that make data, pictures and golden files; helpers for tests and benchmarks."""
