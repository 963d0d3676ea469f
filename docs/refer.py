"""The reference of the package from its docstrings: pdoc, and names that are imported late.

`make docs` calls it as pdoc is called.
"""

import sys
from importlib import import_module

from pdoc.__main__ import cli

for name in filter(lambda argument: argument.startswith("actsense."), sys.argv):
    module = import_module(name)
    for public in getattr(module, "__all__", ()):
        setattr(module, public, getattr(module, public))
cli()
