"""Rule compare_transforms: what all networks say of shuffled and saturated images to tables."""

from pathlib import Path

from actsense.run import logged
from actsense.spatial.transform_tables import compare_transforms
from actsense.store import write_tables

with logged(snakemake.log[0]):
    stores = dict(
        zip(snakemake.params.networks, map(Path, snakemake.input.transforms), strict=True)
    )
    tables = compare_transforms(
        stores, bootstrap=snakemake.params.bootstrap, seed=snakemake.params.seed
    )
    write_tables(tables, dict(snakemake.output.items()))
