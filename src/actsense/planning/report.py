"""What a study would cost, as a table with what it rests on."""

__all__ = ["measure_study", "plan_study"]

from collections.abc import Sequence
from math import ceil, floor, isfinite, log10
from textwrap import wrap

import torch

from actsense.masking.plan import settings_in_force
from actsense.networks.settings import weights_file
from actsense.planning.cost import (
    DECODED_BLOCKS,
    Cost,
    Speeds,
    counted_facts,
    study_costs,
    total_cost,
)
from actsense.planning.speed import ASSUMED, SECONDS, StandIn, device_name, measured_speeds
from actsense.planning.work import WorkTable
from actsense.sampling.kept_speed import keep_speed, kept_speeds
from actsense.study.study import Study
from actsense.work import Work

FAR = 1.25  # times `job_minutes`: a longer job is too long
SHORT = 0.1  # of `job_minutes`: below, a replicate has too many shards
WIDTH = 100  # columns of a terminal
LEAST = 0.001  # smaller numbers are told from 0 alone
SAMPLING = ("sample_activations", "stream_moments", "stream_part")
COLUMNS = (
    ("", ""),
    ("", "jobs"),
    ("passes", "million"),
    ("speed", "images/s"),
    ("device", "hours"),
    ("longest job", "minutes"),
    ("at peak", "GB"),
    ("kept", "GB"),
    ("files", "at peak"),
    ("files", "kept"),
)
MOST = 0.25  # of all device hours: a study that takes more is named
# What a study's device hours follow from.
LEVERS = {
    "sensitivity": ("designs.*.base_points", "contrast.images"),
    "masking": ("masking.images", "masking.values", "masking.layers"),
    "segments": ("segments.base_points", "segments.channels"),
    "spatial": ("spatial.transforms.images", "spatial.cells.images"),
    "patterns": ("patterns.images", "patterns.attack.steps"),
    "featvis": ("featvis.search.iterations", "featvis.facets.count", "featvis.seeds"),
    "invariance": ("invariance.images", "invariance.anchors", "invariance.flow.training.steps"),
}


def plan_study(study: Study, device: torch.device) -> str:
    """Say in a table what a study costs, and how that was found.

    Arguments:
        study: The study; neither its images nor its weights need to be there.
        device: Where a speed is measured that is neither stated nor kept.
    """
    images = StandIn(study)
    speeds = _speeds(images, device)
    table = WorkTable(counted_facts(images))
    costs = study_costs(table, speeds)
    rows = _table([*costs, total_cost(table, costs)], study.settings.store_budget_gb)
    notes = [*_dominant(costs), *_notes(images, table, speeds, device)]
    lines = [line for note in notes for line in _folded(note)]
    return "\n".join([f"Study {study.name}", "", *rows, "", *lines])


def _folded(note: str) -> list[str]:
    """Break a note where a terminal ends."""
    return wrap(
        note, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def measure_study(study: Study, networks: Sequence[str], device: torch.device) -> None:
    """Measure the speed of networks and keep it with the results of the study.

    Arguments:
        study: The study; neither its images nor its weights need to be there.
        networks: Names of the networks.
        device: Where it is measured: what sampling jobs will run on.
    """
    speeds = measured_speeds(StandIn(study), _asked(study, networks), device)
    for network in networks:
        own = {design: speed for (name, design), speed in speeds.items() if name == network}
        keep_speed(study.results, network, own, device_name(device))


def _asked(study: Study, networks: Sequence[str]) -> dict[str, list[str]]:
    """Return the designs that networks are measured with: any, where none samples one.

    Without designs it is none, called by an empty name: images pass as they are.
    """
    every = [*study.settings.designs, ""]
    return {network: study.designs(network) or every[:1] for network in networks}


def _speeds(images: StandIn, device: torch.device) -> Speeds:
    """Find the speed of every network under its designs, and of the fastest.

    It is stated, or kept, or else measured here.
    """
    study = images.study
    asked = _asked(study, [*study.settings.networks])
    speeds: dict[tuple[str, str], float] = {}
    for network, designs in asked.items():
        stated = study.settings.networks[network].images_per_second
        kept = kept_speeds(study.results, network).get("images_per_second", {})
        if stated or kept:
            usual = stated or min(kept.values())
            speeds |= {
                (network, design): usual if stated else kept.get(design, usual)
                for design in designs
            }
    unknown = {name: own for name, own in asked.items() if (name, own[0]) not in speeds}
    speeds |= measured_speeds(images, unknown, device)
    for network, designs in asked.items():
        speeds[network, ""] = max(speeds[network, design] for design in designs)
    return speeds


def _table(costs: Sequence[Cost], budget: float) -> list[str]:
    """Align one line per cost under two lines of names and units.

    Lines of one network and design stand below its name, so that no name widens the table.
    """
    titles = [_title(cost) for cost in costs]
    rows = [*zip(*COLUMNS, strict=True), *(_cells(cost, budget) for cost in costs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            text.rjust(width) if column else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    above, below = lines[:2], zip(titles, ["", *titles], lines[2:], strict=False)
    return above + [
        text
        for title, before, line in below
        for text in ([title] if title != before else []) + [line]
    ]


def _title(cost: Cost) -> str:
    """Say whose cost it is."""
    return ", ".join(filter(None, (cost.network, cost.design))) or "all networks"


def _cells(cost: Cost, budget: float) -> tuple[str, ...]:
    numbers = (cost.passes / 1e6, cost.speed, cost.hours, cost.minutes)
    return (
        f"  {cost.study}",
        str(cost.jobs),
        *(_short(number) if number else "" for number in numbers),
        *map(_short, (cost.peak(budget), cost.kept)),
        str(cost.files_peak),
        str(cost.files_kept),
    )


def _dominant(costs: Sequence[Cost]) -> list[str]:
    """Say which studies take most of the device, and which settings they follow from."""
    hours: dict[str, float] = {}
    for cost in costs:
        name = cost.study.partition(".")[0]
        hours[name] = hours.get(name, 0.0) + cost.hours
    whole = sum(hours.values())
    most = sorted((n for n in hours if hours[n] > MOST * whole), key=lambda n: -hours[n])
    return [
        f"{name} takes {100 * hours[name] / whole:.0f} % of the {_short(whole)} device hours"
        + (f": lower {', '.join(LEVERS[name])} to save most." if name in LEVERS else ".")
        for name in most
    ]


def _notes(images: StandIn, table: WorkTable, speeds: Speeds, device: torch.device) -> list[str]:
    study, cut = images.study, _cut(table)
    decoded = (
        " Of evaluations that make the same image only one passes; their share is estimated from "
        f"{DECODED_BLOCKS} blocks of every design."
        if study.settings.designs
        else ""
    )
    lines = [
        _speed_note(study, device),
        "Passes: images that go through a network, or through parts of it, which count as the "
        f"whole; a gradient counts as three.{decoded}",
        "GB and files: at most, without archives that are downloaded. At peak: with activations "
        "within the budget, and all parts that are not joined yet.",
    ]
    if not images.known:
        lines.append(
            f"Assumed: {ASSUMED[0]} train and {ASSUMED[1]} validation images per class; "
            "dataset.samples_per_class does not say."
        )
    if study.stores_activations and study.settings.keep_activations:
        sampling = [work for work in cut if work.rule in SAMPLING]
        files = sum(work.files for work in sampling)
        size = sum(work.kept for work in sampling) / 1e9
        lines.append(f"keep_activations: {_short(size)} GB in {files} files of these stay.")
    return [*lines, *_masks(table), *_missing(study), *_advice(study, cut, speeds)]


def _masks(table: WorkTable) -> list[str]:
    """Say which defaults of masking are lowered, for which networks and designs."""
    facts, lines = table.facts, []
    usual = facts.settings.masking.plain()
    for network, design in facts.runs:
        found = settings_in_force(facts, network, design).plain()
        changes = [f"{k}: {_yaml(v)}" for k, v in found.items() if v != usual[k]]
        if changes and facts.analysed(network, design):
            lines.append(
                f"Masking of {network} under {design} takes no more passes than sampling, where "
                f"it can: {', '.join(changes)}. What `masking` states is obeyed."
            )
    return lines


def _yaml(value: object) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


def _cut(table: WorkTable) -> list[Work]:
    """Return the works that are cut into jobs of `job_minutes`."""
    works = [work for own in table.studies.values() for work in own]
    return [work for work in works if work.longest and work.jobs]


def _speed_note(study: Study, device: torch.device) -> str:
    """Say where the speed of every network is from."""
    named: dict[str, list[str]] = {}
    for name, own in study.settings.networks.items():
        kept = kept_speeds(study.results, name)
        if own.images_per_second:
            source = "as the configuration states it"
        elif kept:
            source = f"as kept in speed.json beside its results, measured on {kept['device']}"
        else:
            source = f"measured here on {device_name(device)} and not kept: it is sampled already"
        named.setdefault(source, []).append(name)
    what = "without writing activations" if study.stores_activations else "with their moments"
    lines = [f"{', '.join(names)} {source}" for source, names in named.items()]
    how = (
        f" Measured: at least {SECONDS:g} s of each part, with random weights and images, {what};"
        " reading images comes on top."
    )
    stated = all(own.images_per_second for own in study.settings.networks.values())
    return f"Speed: {'; '.join(lines)}.{'' if stated else how}"


def _missing(study: Study) -> list[str]:
    lines = [
        f"Not there yet: {study.survey['folder']}/{name}; it will be downloaded."
        for name in study.survey["missing"]
    ]
    for name, settings in study.settings.networks.items():
        weights = weights_file(settings)
        if weights and not weights.exists():
            lines.append(f"Not there yet: {weights}, networks.{name}.weights. Put it there.")
    return lines


def _advice(study: Study, cut: Sequence[Work], speeds: Speeds) -> list[str]:
    """Say in one line what would bring the jobs that are cut nearer to the wanted time."""
    wanted, networks = study.settings.job_minutes, study.settings.networks
    lasting = [work.longest / speeds[work.network, work.design] / 60 for work in cut]
    slow = [work for work, own in zip(cut, lasting, strict=True) if own > FAR * wanted]
    sampling = [work for work in cut if work.rule in SAMPLING]
    if slow:
        longest, rule = max(zip(lasting, (work.rule for work in cut), strict=True))
        found = {
            name: min(speeds[work.network, work.design] for work in slow if work.network == name)
            for name in networks
            if name in {work.network for work in slow} and study.facts.networks[name].speed == 0
        }
        stated = ", ".join(
            f"networks.{n}.images_per_second: {_short(v)}" for n, v in found.items()
        )
        say = f"State {stated}" if stated else "Leave designs.*.shards out, or raise job_minutes"
        again = max(
            work.passes / study.design(work.network, work.design).evaluations for work in sampling
        )
        if not stated and again > 1:
            say += f", or memory_gb: images pass up to {ceil(again)} times"
        return [
            f"Advice: jobs of {rule} last up to {_short(longest)} minutes, job_minutes is "
            f"{wanted:g}. {say}."
        ]
    designs = study.settings.designs
    sharded = any(work.jobs > designs[work.design].replicates for work in sampling)
    longest = max((own for w, own in zip(cut, lasting, strict=True) if w in sampling), default=0)
    if longest < SHORT * wanted and sharded:
        larger = "A larger store_budget_gb, or `activations: stream`,"
        how = larger if study.stores_activations else "Fewer shards"
        return [
            f"Advice: sampling jobs last up to {_short(longest)} minutes, job_minutes is "
            f"{wanted:g}. {how} would make fewer and longer ones."
        ]
    return []


def _short(value: float) -> str:
    """Write three significant digits without an exponent."""
    if not value or not isfinite(value):
        return "0" if not value else "-"
    if value < LEAST:
        return f"<{LEAST}"
    return f"{value:.{max(0, 2 - floor(log10(abs(value))))}f}"
