"""Which factors separate single classes."""
