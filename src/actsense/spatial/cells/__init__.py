"""What masked cells do to a network, in the order of attribution maps."""
