"""Rule correlate: the maps of one network to their rank correlations."""

from pathlib import Path

from actsense.correlation.tables import correlate
from actsense.job.files import by_name, paths
from actsense.job.log import logged
from actsense.sensitivity.maps import SensitivityMaps
from actsense.store import provenance, write_results, write_tables

with logged(snakemake.log[0]):
    designs, settings = snakemake.params.designs, snakemake.params.correlation
    indices = by_name(designs, snakemake.input.indices)
    contrasts = by_name(snakemake.params.contrasted, snakemake.input.contrasts)
    maps = SensitivityMaps(indices, contrasts)
    seed = snakemake.params.seed
    found = correlate(maps, resamples=settings["bootstrap"], seed=seed)
    configuration = {"correlation": dict(settings), "designs": designs, "seed": seed}
    write_tables(found.tables, paths(snakemake.output))
    attributes = provenance(configuration=configuration)
    write_results(Path(snakemake.output.positions), found.variation, attributes=attributes)
