"""Rule compare_factors: concepts in the layers of all networks to tables and figures."""

from pathlib import Path

from actsense.invariance.factors.figures.plot import plot_factors
from actsense.invariance.factors.tables import compare_factors
from actsense.job.files import by_name, paths
from actsense.job.log import logged
from actsense.store import write_tables

with logged(snakemake.log[0]):
    inputs, params, outputs = snakemake.input, snakemake.params, paths(snakemake.output)
    stores = by_name(params.networks, inputs.explained)
    tables = compare_factors(
        Path(inputs.card), stores, bootstrap=params.bootstrap, seed=params.seed
    )
    write_tables(tables, outputs)
    page = {"title": snakemake.wildcards.study, "dpi": params.figures["dpi"]}
    plot_factors(outputs, Path(inputs.explained[0]), outputs, **page)
