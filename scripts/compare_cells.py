"""Rule compare_cells: what masked cells do to every network to tables and figures."""

from actsense.job.files import by_name, paths
from actsense.job.log import logged
from actsense.spatial.cells.figures import plot_cells
from actsense.spatial.cells.tables import compare_cells
from actsense.store import write_tables

with logged(snakemake.log[0]):
    stores = by_name(snakemake.params.networks, snakemake.input.cells)
    outputs = paths(snakemake.output)
    samples = {"bootstrap": snakemake.params.bootstrap, "seed": snakemake.params.seed}
    write_tables(compare_cells(stores, **samples), outputs)
    page = {"title": snakemake.wildcards.study, "dpi": snakemake.params.figures["dpi"]}
    plot_cells(outputs, stores, outputs, **page)
