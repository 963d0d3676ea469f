"""Figures of the images and of what is done to them."""
