"""The view of feature visualisation: a gallery, one target closely, and what came of it all."""
