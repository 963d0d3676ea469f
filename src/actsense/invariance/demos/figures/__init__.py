"""Figures of the demos: one for each, readable by a stranger."""
