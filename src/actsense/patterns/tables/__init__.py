"""Tables of the embeddings of all networks."""
