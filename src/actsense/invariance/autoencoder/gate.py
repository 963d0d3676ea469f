"""How faithful an autoencoder has to be for the numbers of flows behind it to be of a network.

Needs no torch, so that figures can say it.
"""

__all__ = ["AGREEMENT", "COSINE"]

AGREEMENT, COSINE = 0.9, 0.85  # least class agreement and centred cosine of the gate
