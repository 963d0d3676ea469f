"""Rule compare_cells: what masked cells do to every network to tables."""

from pathlib import Path

from actsense.run import logged
from actsense.spatial.cell_tables import compare_cells
from actsense.store import write_tables

with logged(snakemake.log[0]):
    paths = map(Path, snakemake.input.cells)
    stores = dict(zip(snakemake.params.networks, paths, strict=True))
    tables = compare_cells(
        stores, bootstrap=snakemake.params.bootstrap, seed=snakemake.params.seed
    )
    write_tables(tables, dict(snakemake.output.items()))
