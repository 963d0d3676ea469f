"""Rule download_dataset: an archive of a published dataset."""

from pathlib import Path

from actsense.data import download_archive
from actsense.job.log import logged

with logged(snakemake.log[0]):
    download_archive(snakemake.params.settings, Path(snakemake.output.archive))
