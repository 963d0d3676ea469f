"""Pictures of patterns: of every network, and of all networks of a study."""
