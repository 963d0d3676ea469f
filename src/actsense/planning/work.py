"""Which jobs a study is made of, before anything is run."""

__all__ = [
    "count_jobs",
    "design_jobs",
    "maps_are_analysed",
    "record_files",
    "shared_jobs",
    "spatial_jobs",
]

from collections import Counter
from collections.abc import Mapping

from actsense.networks.settings import checkpoint_epochs
from actsense.study.study import Study

WEIGHTS_RULES = {
    "trained": "train_network",
    "downloaded": "download_weights",
    "imported": "import_weights",
}
# Of the spatial study: once per network, and below once for all networks.
SPATIAL_NETWORK_RULES = (
    *("evaluate_transforms", "evaluate_cells"),
    *("evaluate_interaction", "map_saliency"),
)
CORRELATION_RULES = ("correlate", "plot_correlation")  # once per network
# Of networks that record layers with positions: once per design, and for all designs together.
MASK_AND_SEGMENT_RULES = (
    *("evaluate_masks", "profile_masks", "plot_masking"),
    *("sample_segments", "compare_segments", "plot_segments"),
)
LDA_AND_CLASS_RULES = ("discriminate", "plot_discriminant", "match_classes", "plot_classes")
STUDY_FIGURE_RULES = ("plot_images", "plot_networks")  # once
SPATIAL_RULES = (  # once
    *("compare_transforms", "compare_cells", "compare_interactions"),
    "plot_saliency",
)


def count_jobs(study: Study) -> dict[str, int]:
    """Count the jobs of every rule when there are no results yet."""
    counts = Counter(shared_jobs(study))
    for _ in study.plain["networks"]:
        counts.update(spatial_jobs())
    for network, design in study.runs:
        counts.update(design_jobs(study, network, design))
    return {rule: count for rule, count in counts.items() if count}


def design_jobs(study: Study, network: str, design: str) -> dict[str, int]:
    """Count the jobs of one design for one network."""
    sharding = study.sharding(network, design)
    summing = "accumulate" if study.stores_activations else "stream_moments"
    if sharding.parts > 1:
        summing = "accumulate_part" if study.stores_activations else "stream_part"
    sampling = ("sample_activations", summing) if study.stores_activations else (summing,)
    once = ("estimate_indices", "estimate_contrast", "plot_indices", "plot_contrast")
    return {
        **dict.fromkeys(sampling, len(sharding.shards)),
        "merge_moments": sharding.replicates if sharding.parts > 1 else 0,
        **dict.fromkeys(once, 1),
        **dict.fromkeys(MASK_AND_SEGMENT_RULES, int(maps_are_analysed(study, network, design))),
    }


def shared_jobs(study: Study) -> dict[str, int]:
    """Count the jobs that serve all designs."""
    analysed = [name for name in study.plain["networks"] if study.analysed(name)]
    mapped = [name for name in analysed if study.maps(name)]
    weights = Counter(WEIGHTS_RULES[study.origin(name)] for name in study.plain["networks"])
    return {
        "download_dataset": len(study.survey["missing"]),
        "cache_images": 1,
        "all": 1,
        **dict.fromkeys(STUDY_FIGURE_RULES, 1),
        **weights,
        "train_checkpoint": sum(
            map(len, map(checkpoint_epochs, study.settings.networks.values()))
        ),
        **dict.fromkeys(CORRELATION_RULES, len(analysed)),
        **dict.fromkeys(LDA_AND_CLASS_RULES, len(mapped)),
        **dict.fromkeys(SPATIAL_RULES, 1),
    }


def maps_are_analysed(study: Study, network: str, design: str) -> bool:
    """Tell whether masks and segments follow from the maps of a design."""
    return design in study.analysed(network) and bool(study.maps(network))


def spatial_jobs() -> dict[str, int]:
    """Count the jobs of the spatial study for one network."""
    return dict.fromkeys(SPATIAL_NETWORK_RULES, 1)


def record_files(jobs: Mapping[str, int]) -> int:
    """Count the logs and benchmarks that jobs leave: one of each."""
    return 2 * (sum(jobs.values()) - jobs.get("all", 0))
