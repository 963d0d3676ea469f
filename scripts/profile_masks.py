"""Rule profile_masks: a masking store to what its masks do beyond random masks."""

from pathlib import Path

from actsense.job.files import paths
from actsense.job.log import logged
from actsense.masking.profiles import profile_masks
from actsense.store import write_tables

with logged(snakemake.log[0]):
    tables = profile_masks(Path(snakemake.input.masking), seed=snakemake.params.seed)
    write_tables(tables, paths(snakemake.output))
