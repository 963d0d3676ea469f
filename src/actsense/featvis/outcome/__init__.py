"""What came of pictures."""
