"""Pictures of what layers and units respond to."""
