"""Accumulators, indices, contrasts and their intervals."""
