"""What a layer keeps of an image: measures of samples that the layer does not tell apart."""
