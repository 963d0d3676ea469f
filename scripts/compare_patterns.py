"""Rule compare_patterns: embeddings and attacks of all networks to tables and figures."""

from actsense.job.files import by_name, paths
from actsense.job.log import logged
from actsense.patterns.figures.plot import plot_study
from actsense.patterns.settings import Patterns
from actsense.patterns.tables.comparison import compare_patterns
from actsense.store import write_tables

with logged(snakemake.log[0]):
    settings = Patterns(**snakemake.params.patterns)
    tables = compare_patterns(
        by_name(snakemake.params.networks, snakemake.input.patterns),
        by_name(snakemake.params.networks, snakemake.input.attacks),
        threshold=settings.threshold,
        exchanged="regions" in settings.controls,
        bootstrap=settings.bootstrap,
        seed=snakemake.params.seed,
    )
    outputs = paths(snakemake.output)
    write_tables(tables, outputs)
    page = {"title": snakemake.wildcards.study, "dpi": snakemake.params.figures["dpi"]}
    plot_study(outputs, outputs, **page)
