"""What a configuration means, before anything is run."""
