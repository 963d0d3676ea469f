"""What the maps say: correlation, discriminant analysis, masking, single classes, segments."""
