"""Whether factors can be told from the sensitivities of units."""
