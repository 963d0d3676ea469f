"""Rule match_classes: maps and masked predictions of all designs to tables of single classes."""

from pathlib import Path

from actsense.job.log import logged
from actsense.sensitivity.maps import SensitivityMaps
from actsense.single_class.tables import match_classes
from actsense.store import write_tables

with logged(snakemake.log[0]):
    designs = snakemake.params.designs
    indices = dict(zip(designs, map(Path, snakemake.input.indices), strict=True))
    masking = dict(zip(designs, map(Path, snakemake.input.masking), strict=True))
    tables = match_classes(
        SensitivityMaps(indices),
        masking,
        **snakemake.params.single_class,
        seed=snakemake.params.seed,
    )
    write_tables(tables, dict(snakemake.output.items()))
