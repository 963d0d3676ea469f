"""The page that the explorer opens on: what a study holds, and where to look on."""
