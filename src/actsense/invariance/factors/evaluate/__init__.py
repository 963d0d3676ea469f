"""The jobs of a study: concepts are learned once, and looked for in every network."""
