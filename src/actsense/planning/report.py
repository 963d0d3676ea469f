"""What a study would cost, as a table with what it rests on."""

__all__ = ["plan_study"]

from collections.abc import Sequence
from math import floor, isfinite, log10
from pathlib import Path

import torch

from actsense.networks.zoo import names_file
from actsense.planning.cost import (
    DECODED_BLOCKS,
    Cost,
    design_cost,
    shared_cost,
    spatial_cost,
    total_cost,
)
from actsense.planning.speed import ASSUMED, SECONDS, StandIn, measured_speed
from actsense.study.study import Study

FAR = 1.25  # times `job_minutes`: a longer job is too long
SHORT = 0.1  # of `job_minutes`: below, a replicate has too many shards
COLUMNS = (
    ("", "network"),
    ("", "design"),
    ("sampling", "jobs"),
    ("all", "jobs"),
    ("evaluations", "million"),
    ("forwards", "million"),
    ("contrasts", "million"),
    ("masked", "million"),
    ("segments", "million"),
    ("spatial", "million"),
    ("speed", "images/s"),
    ("device", "hours"),
    ("job", "minutes"),
    ("written", "GB"),
    ("at peak", "GB"),
    ("kept", "GB"),
    ("files", "at peak"),
    ("files", "kept"),
)


def plan_study(study: Study, device: torch.device) -> str:
    """Say in a table what a study costs, and how that was found.

    Arguments:
        study: The study; neither its images nor its weights need to be there.
        device: Where a speed is measured that the configuration does not state.
    """
    images = StandIn(study)
    costs, spatial = [], []
    for network, settings in study.plain["networks"].items():
        stated, designs = settings.get("images_per_second"), study.designs(network)
        speeds = {
            design: stated or measured_speed(images, network, design, device)
            for design in designs or list(study.plain["designs"])[:1]
        }
        costs += [design_cost(images, network, design, speeds[design]) for design in designs]
        spatial.append(spatial_cost(images, network, max(speeds.values())))
    rows = [*costs, *spatial, shared_cost(images)]
    table = _table([*rows, total_cost(study, rows)])
    return "\n".join([f"Study {study.name}", "", *table, "", *_notes(images, costs, device)])


def _table(costs: Sequence[Cost]) -> list[str]:
    """Align one line per cost under two lines of names and units."""
    rows = [*zip(*COLUMNS, strict=True), *(_cells(cost) for cost in costs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            text.ljust(width) if column < 2 else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _cells(cost: Cost) -> tuple[str, ...]:
    counts = (
        *(cost.evaluations, cost.forwards, cost.contrasts),
        *(cost.masked, cost.segments, cost.spatial),
    )
    numbers = (*(count / 1e6 for count in counts), cost.speed, cost.hours, cost.minutes)
    sizes = (cost.written, cost.peak, cost.kept)
    return (
        cost.network,
        cost.design,
        str(cost.samplings or ""),
        str(cost.jobs),
        *(_short(number) if number else "" for number in numbers),
        *map(_short, sizes),
        str(cost.files_peak),
        str(cost.files_kept),
    )


def _notes(images: StandIn, costs: Sequence[Cost], device: torch.device) -> list[str]:
    study = images.study
    lines = [
        _speed_note(study, device),
        "Forwards: evaluations that make a different image, which alone go through the network; "
        f"their share is estimated from {DECODED_BLOCKS} blocks of every design.",
        "Masked, segments: images through the network behind the first masked layer, and through "
        "its parts; they count as whole ones in the hours. Spatial: a gradient counts as three.",
        "GB and files: at most, without archives that are downloaded. At peak: with activations "
        "within the budget, and all moments that are not merged yet.",
    ]
    if not images.known:
        lines.append(
            f"Assumed: {ASSUMED[0]} train and {ASSUMED[1]} validation images per class; "
            "dataset.samples_per_class does not say."
        )
    if study.stores_activations and study.plain["keep_activations"]:
        files = sum(cost.samplings for cost in costs)
        size = sum(cost.forwards * study.units(cost.network) * 4 / 1e9 for cost in costs)
        lines.append(f"keep_activations: {_short(size)} GB in {files} files of these stay.")
    return [*lines, *_missing(study), *_advice(study, costs)]


def _replicates(study: Study, cost: Cost) -> int:
    return int(study.plain["designs"][cost.design]["replicates"])


def _speed_note(study: Study, device: torch.device) -> str:
    stated = [n for n, s in study.plain["networks"].items() if "images_per_second" in s]
    measured = [n for n in study.plain["networks"] if n not in stated]
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processors()
    notes = [f"{', '.join(stated)} as the configuration states it"] if stated else []
    if measured:
        what = "without writing activations" if study.stores_activations else "with their moments"
        notes.append(
            f"{', '.join(measured)} measured here on {device} ({name}) for {SECONDS:g} s, with "
            f"random weights and images, {what}; reading images comes on top"
        )
    return f"Speed: {'; '.join(notes)}."


def _processors() -> str:
    return f"{torch.get_num_threads()} threads"


def _missing(study: Study) -> list[str]:
    lines = [
        f"Not there yet: {study.survey['folder']}/{name}; it will be downloaded."
        for name in study.survey["missing"]
    ]
    for name, settings in study.plain["networks"].items():
        weights = settings.get("weights", "none")
        if weights != "none" and names_file(weights) and not Path(weights).expanduser().exists():
            lines.append(f"Not there yet: {weights}, networks.{name}.weights. Put it there.")
    return lines


def _advice(study: Study, costs: Sequence[Cost]) -> list[str]:
    """Say in one line what would bring the sampling jobs nearer to the wanted time."""
    wanted = study.plain["job_minutes"]
    longest, networks = max(cost.minutes for cost in costs), study.plain["networks"]
    far = f"Advice: sampling jobs last up to {_short(longest)} minutes, job_minutes is {wanted:g}"
    if longest > FAR * wanted:
        slow = {cost.network for cost in costs if cost.minutes > FAR * wanted}
        speeds = {
            name: min(cost.speed for cost in costs if cost.network == name)
            for name in networks
            if name in slow and "images_per_second" not in networks[name]
        }
        stated = ", ".join(f"networks.{n}.images_per_second: {v:.2g}" for n, v in speeds.items())
        say = f"State {stated}" if stated else "Leave designs.*.shards out, or raise job_minutes"
        return [f"{far}. {say}."]
    stored = study.stores_activations
    if longest < SHORT * wanted and any(c.samplings > _replicates(study, c) for c in costs):
        how = "A larger store_budget_gb, or `activations: stream`," if stored else "Fewer shards"
        return [f"{far}. {how} would make fewer and longer ones."]
    return []


def _short(value: float) -> str:
    """Write three significant digits without an exponent."""
    if not value or not isfinite(value):
        return "0" if not value else "-"
    return f"{value:.{max(0, 2 - floor(log10(abs(value))))}f}"
