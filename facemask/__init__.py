"""Library of the stages, tools and `predict.py`. It does not depend on DVC."""
