"""The jobs of the workflow: autoencoder, representations, flows, and what is kept."""
