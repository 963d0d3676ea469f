"""Figures of the sensitivities of units."""
