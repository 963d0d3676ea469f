"""How much a classifier depends on where things are."""
