"""What can be done with invariances, as plain functions: images in, frozen results out."""
