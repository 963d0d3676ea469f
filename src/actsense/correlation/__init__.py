"""Which layers and factors have like maps."""
