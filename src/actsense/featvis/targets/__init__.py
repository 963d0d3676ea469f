"""What pictures are to drive: facets, units, channels, and how natural images do."""
