"""Rule download_dataset: an archive of a published dataset."""

from pathlib import Path

from actsense.data.downloads import download_archive
from actsense.data.settings import read_dataset
from actsense.job.log import logged

with logged(snakemake.log[0]):
    download_archive(read_dataset(snakemake.params.settings), Path(snakemake.output.archive))
