"""One job of the workflow."""
