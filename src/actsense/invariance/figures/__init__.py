"""Figures of what layers keep of images and what they discard."""
