"""Colour channels: a network run from one layer on, fed with one channel."""
