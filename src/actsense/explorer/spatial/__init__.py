"""The view of the spatial study: what networks owe to where things are in an image."""
