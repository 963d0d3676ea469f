"""What Streamlit runs: `streamlit run app.py -- PATH`."""

import sys
from pathlib import Path

from actsense.explorer.page import show
from actsense.explorer.serve import spare_collection

show(Path(sys.argv[1]))
spare_collection()
