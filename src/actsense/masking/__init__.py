"""What networks lose without the units that feel a factor."""
