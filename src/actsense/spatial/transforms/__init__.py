"""Accuracy on images whose patches are shuffled, or whose colours are saturated."""
