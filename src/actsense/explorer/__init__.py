"""A page to look at results in the browser: units, maps, images, contrasts, masks. Read only."""

__all__ = ["explore"]

from actsense.explorer.launch import explore
