"""Concepts in latents: a flow whose noise falls into named parts, learned from pairs of images."""
