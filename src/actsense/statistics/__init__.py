"""Statistics that several studies share."""

__all__ = ["CONFIDENCE"]

CONFIDENCE = 0.95  # of every interval
