"""Which places of an image an output rests on."""
