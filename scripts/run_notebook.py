"""Rule run_notebook: a notebook and its parameters to an executed copy and a page."""

from pathlib import Path

from actsense.job.log import logged
from actsense.job.notebook import run_notebook

with logged(snakemake.log[0]):
    run_notebook(
        Path(snakemake.input.source),
        Path(snakemake.output.notebook),
        Path(snakemake.output.page),
        parameters=dict(snakemake.params.parameters),
        folder=Path.cwd(),
        threads=snakemake.threads,
    )
