"""Conditional flows: what a representation leaves open of a latent, as independent noise."""
