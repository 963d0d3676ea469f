"""Gradient and SmoothGrad maps."""
