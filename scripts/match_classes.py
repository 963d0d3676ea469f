"""Rule match_classes: maps and masked predictions of all designs to tables of single classes."""

from actsense.job.files import by_name, paths
from actsense.job.log import logged
from actsense.sensitivity.maps import SensitivityMaps
from actsense.single_class.tables import match_classes
from actsense.store import write_tables

with logged(snakemake.log[0]):
    designs = snakemake.params.designs
    tables = match_classes(
        SensitivityMaps(by_name(designs, snakemake.input.indices)),
        by_name(snakemake.params.masked, snakemake.input.masking),
        **snakemake.params.single_class,
        seed=snakemake.params.seed,
    )
    write_tables(tables, paths(snakemake.output))
