"""Rule compare_interactions: what distant patches do to every network to tables."""

from pathlib import Path

from actsense.run import logged
from actsense.spatial.interaction import compare_interactions
from actsense.store import write_tables

with logged(snakemake.log[0]):
    stores = dict(
        zip(snakemake.params.networks, map(Path, snakemake.input.interaction), strict=True)
    )
    tables = compare_interactions(
        stores, bootstrap=snakemake.params.bootstrap, seed=snakemake.params.seed
    )
    write_tables(tables, dict(snakemake.output.items()))
