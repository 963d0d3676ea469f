"""Figures of concepts: over training, over depth, swapped, and what networks make of them."""
