"""Rule discriminate: the maps of all designs to tables of which factor made them."""

from pathlib import Path

from actsense.job.log import logged
from actsense.recognition.tables import discriminate
from actsense.sensitivity.maps import SensitivityMaps
from actsense.store import write_tables

with logged(snakemake.log[0]):
    stores = map(Path, snakemake.input.indices)
    maps = SensitivityMaps(dict(zip(snakemake.params.designs, stores, strict=True)))
    tables = discriminate(maps, **snakemake.params.lda, seed=snakemake.params.seed)
    write_tables(tables, dict(snakemake.output.items()))
