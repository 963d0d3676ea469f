"""Tables of the invariances of all networks."""
