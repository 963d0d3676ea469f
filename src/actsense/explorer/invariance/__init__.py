"""Invariances: what layers keep of images, and demos that anybody can play with."""
