"""Labelled images: sources, and the checked cache that everything else reads."""
