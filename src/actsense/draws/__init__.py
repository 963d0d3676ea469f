"""One way to be random: every purpose has numbers of its own."""
