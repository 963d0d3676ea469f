"""One way to be random: every purpose has numbers of its own.

`stream` gives a NumPy generator; `counter` gives tensors that are alike on every device.
"""

__all__ = ["stream"]

from actsense.draws.streams import stream
