"""The search for pictures: what they are good at, and how they get there."""
