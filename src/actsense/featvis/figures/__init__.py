"""Figures of pictures of a network, and of what came of them."""
