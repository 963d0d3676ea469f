"""Rule evaluate_cells: images and maps of all networks to one network's predictions."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.job.files import by_name, origin
from actsense.job.log import logged
from actsense.networks.opening import open_subjects
from actsense.spatial.cells.evaluate import evaluate_cells
from actsense.spatial.cells.settings import Cells
from actsense.store import write_results

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    inputs, settings = snakemake.input, snakemake.params.subjects
    sources = open_subjects(
        images=inputs.images,
        manifest=inputs.manifest,
        weights=inputs.weights,
        settings=settings.values(),
        batch_size=snakemake.params.batch_size,
        device=use_device(snakemake.params.device),
    )
    own, cells = snakemake.wildcards.network, Cells(**snakemake.params.cells)
    groups = evaluate_cells(sources[own], sources, cells, settings[own]["seed"])
    attributes = origin(snakemake.params, inputs, weights=by_name(settings, inputs.weights))
    write_results(Path(snakemake.output.cells), groups, attributes=attributes)
