"""What a representation keeps of an image and what it discards, shown as images."""
