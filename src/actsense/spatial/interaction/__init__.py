"""How far distant patches add up."""
