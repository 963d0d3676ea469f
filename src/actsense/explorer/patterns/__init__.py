"""The view of the patterns study: points in space, knowledge points on images, counts."""
