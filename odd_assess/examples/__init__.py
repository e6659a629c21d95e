"""Embedded examples: models small enough to come with the package, so that the first run needs nothing else."""
