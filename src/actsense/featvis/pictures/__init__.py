"""What is changed to make a picture: pixels, waves, or phases of waves."""
