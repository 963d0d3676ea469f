"""Features of chosen images: of layers with positions, of the last hidden vector, under attack."""
