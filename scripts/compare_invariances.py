"""Rule compare_invariances: what layers of all networks keep of images, as tables and figures."""

from pathlib import Path

from actsense.invariance.figures.plot import plot_study
from actsense.invariance.tables.comparison import compare_invariances
from actsense.job.files import by_name, paths
from actsense.job.log import logged
from actsense.store import write_tables

with logged(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    tables = compare_invariances(
        by_name(params.networks, inputs.kept),
        faithful=by_name(map(tuple, params.states), inputs.faithful),
        flows=map(Path, inputs.flows),
        indices=by_name(map(tuple, params.indices), inputs.indices),
        **{"bootstrap": params.bootstrap, "seed": params.seed},
    )
    outputs = paths(snakemake.output)
    write_tables(tables, outputs)
    page = {"title": snakemake.wildcards.study, "dpi": params.figures["dpi"]}
    plot_study(outputs, outputs, **page)
