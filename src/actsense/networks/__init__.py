"""Networks: where they come from, and one that is opened: shown images, tapped at its layers."""
