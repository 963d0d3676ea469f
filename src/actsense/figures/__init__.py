"""Pictures of results stores; nothing here computes a result."""
