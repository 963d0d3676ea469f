"""Shuffled patches without a study's workflow, for the command line."""
