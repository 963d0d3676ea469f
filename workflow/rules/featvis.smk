"""From networks to pictures of what their layers and units respond to."""

PICTURE_TABLES = {
    "pictures": "results/{study}/featvis/tables/pictures.csv",
    "picture_summary": "results/{study}/featvis/tables/picture_summary.csv",
    "picture_transfers": "results/{study}/featvis/tables/picture_transfers.csv",
    "picture_likeness": "results/{study}/featvis/tables/picture_likeness.csv",
    "picture_shifts": "results/{study}/featvis/tables/picture_shifts.csv",
    "picture_losses": "results/{study}/featvis/tables/picture_losses.csv",
}
# Figures of every network, and what has some networks alone.
PICTURE_FIGURES = {
    "curves": of_pictures("curves.png", "what pictures gain over iterations"),
    "drive": of_pictures("drive.png", "what came of pictures"),
}
if config["featvis"]["layers"]:
    PICTURE_FIGURES |= {
        "facets": of_pictures("facets.png", "facets of layers"),
        "embedding": of_pictures("embedding.png", "images by facet"),
    }
WITH_UNITS = [name for name in PICTURED if beside.featvis_places(name)["units"]]
WITH_CHANNELS = [name for name in PICTURED if beside.featvis_places(name)["channels"]]


rule visualise_features:
    """Pictures that drive facets, units and channels of a network, and what came of them."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
        weights=WEIGHTS,
        indices=units_indices,
    output:
        pictures=directory(PICTURES),
    resources:
        mem_mb=memory("visualise_features"),
        runtime=runtime("visualise_features"),
    params:
        **OPENED,
        featvis=beside.featvis_settings,
        places=of(beside.featvis_places),
        study=of(beside.featvis_provenance),
    message:
        "Making pictures of what {wildcards.network} responds to"
    script:
        "../../scripts/visualise_features.py"


rule judge_pictures:
    """What came of the pictures of all networks, also in each other's eyes, as tables."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
        weights=expand(WEIGHTS, network=PICTURED, allow_missing=True),
        pictures=expand(PICTURES, network=PICTURED, allow_missing=True),
    output:
        **PICTURE_TABLES,
    resources:
        mem_mb=memory("judge_pictures"),
        runtime=runtime("judge_pictures"),
    params:
        **of_config("batch_size", "device", "seed"),
        subjects={name: study.subject_settings(name) for name in PICTURED},
        depths=beside.depths,
        bootstrap=config["featvis"]["bootstrap"],
    message:
        "Judging the pictures of all networks"
    script:
        "../../scripts/judge_pictures.py"


rule plot_pictures:
    """What layers of a network respond to, beside natural images."""
    input:
        **PICTURE_TABLES,
        images=IMAGES,
        manifest=MANIFEST,
        made=PICTURES,
    output:
        **PICTURE_FIGURES,
    params:
        **of_config("figures"),
    message:
        "Drawing what {wildcards.network} responds to"
    script:
        "../../scripts/plot_pictures.py"


rule plot_units:
    """What the units of a network respond to that feel a factor most, and least."""
    input:
        **PICTURE_TABLES,
        images=IMAGES,
        manifest=MANIFEST,
        made=PICTURES,
    output:
        units=of_pictures("units.png", "units that feel a factor most and least"),
        shifts=of_pictures("shifts.png", "what units lose under the factor"),
    params:
        **of_config("figures"),
    message:
        "Drawing what units of {wildcards.network} respond to"
    script:
        "../../scripts/plot_units.py"


rule plot_channels:
    """What every channel of some layers responds to."""
    input:
        **PICTURE_TABLES,
        images=IMAGES,
        manifest=MANIFEST,
        made=PICTURES,
    output:
        channels=of_pictures("channels.png", "every channel of layers"),
    params:
        **of_config("figures"),
    message:
        "Drawing what channels of {wildcards.network} respond to"
    script:
        "../../scripts/plot_channels.py"


rule featvis:
    """Pictures of what layers and units respond to, with figures."""
    input:
        expand(rules.judge_pictures.output if PICTURED else [], study=STUDY),
        expand(rules.plot_pictures.output, study=STUDY, network=PICTURED),
        expand(rules.plot_units.output, study=STUDY, network=WITH_UNITS),
        expand(rules.plot_channels.output, study=STUDY, network=WITH_CHANNELS),
    message:
        "Pictures of what layers and units respond to are there"
        if PICTURED
        else NOTHING.format("featvis")
