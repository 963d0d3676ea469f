"""Rule write_page: the tables and figures of a study to one page."""

from pathlib import Path

from actsense.findings.page import write_page
from actsense.job.log import logged

with logged(snakemake.log[0]):
    path = Path(snakemake.output.page)
    write_page(path.parent, path)
