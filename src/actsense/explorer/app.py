"""What Streamlit runs: `streamlit run app.py -- PATH`."""

import sys
from pathlib import Path

from actsense.explorer.page import show

show(Path(sys.argv[1]))
