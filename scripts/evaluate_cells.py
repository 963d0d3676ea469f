"""Rule evaluate_cells: images and maps of all networks to one network's predictions."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.job.log import logged
from actsense.networks.classifier import open_classifier
from actsense.spatial.cells.evaluate import evaluate_cells
from actsense.store import file_hash, provenance, write_results

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    inputs, settings = snakemake.input, snakemake.params.classifiers
    device, own = use_device(snakemake.params.device), snakemake.wildcards.network
    weights = dict(zip(settings, map(Path, inputs.weights), strict=True))
    sources = {
        name: open_classifier(
            *(Path(inputs.images), Path(inputs.manifest), weights[name], described),
            batch_size=snakemake.params.batch_size,
            device=device,
        )
        for name, described in settings.items()
    }
    groups = evaluate_cells(sources[own], sources, snakemake.params.cells, settings[own]["seed"])
    attributes = provenance(
        configuration=dict(snakemake.params.study),
        weights_sha256={name: file_hash(path) for name, path in weights.items()},
        dataset_sha256=file_hash(Path(inputs.manifest)),
    )
    write_results(Path(snakemake.output.cells), groups, attributes=attributes)
