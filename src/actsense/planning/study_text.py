"""A first study as a file that can be read, and what is to be said of it."""

__all__ = ["configuration_text", "left_out", "told"]

from collections.abc import Iterator, Mapping
from shlex import quote
from textwrap import wrap
from typing import Any

import yaml

from actsense.layout import program
from actsense.planning.first_study import MEMORY, FirstStudy
from actsense.planning.ladder import NOTES
from actsense.sampling.ranges import PARAMETERS
from actsense.study.study import Study
from actsense.texts import printable

WIDTH = 100  # columns
MOST = 12  # classes that are listed by name
FEW = 2  # values that are written out
BUSY = 1.3  # times as long as on an idle machine: worth saying
ANALYSES = "correlation, lda, masking, single_class, segments"
CUT = {
    "memory_gb": "Gigabytes that a job may take; with fewer, images pass several times.",
    "job_minutes": "Longest time of a job, as far as it can be cut, so that no core is idle. It "
    "follows from `images_per_second` above, as measured on the machine that wrote this file.",
}
# Sections that this file states with fewer of everything than the defaults.
LOWERED = ("contrast", "masking", "segments", "spatial", "patterns", "featvis")


def configuration_text(planned: FirstStudy) -> str:
    """Return a study as YAML, with a comment above every section.

    Arguments:
        planned: The study.
    """
    config = dict(planned.config)
    notes = NOTES | CUT | {"dataset": _photographs(planned), "networks": _network(planned)}
    parts = [_comment(_headline(planned)) + _dumped("study", config.pop("study"))]
    parts += [_comment(notes[key]) + _dumped(key, value) for key, value in config.items()]
    return "\n".join(parts)


def told(planned: FirstStudy, path: str) -> str:
    """Say what a study takes and leaves out, and what to run next.

    Arguments:
        planned: The study.
        path: The file that it was written to.
    """
    typed, page = quote(path), f"results/{planned.config['study']}/index.html"
    limit = f" --resources mem_mb={_allowed(planned)}" if planned.crowded else ""
    run = f"{program('actsense')} run"
    lines = [
        f"{path}: {_headline(planned)}",
        f"Images pass for {_minutes(planned.passing)} of it, {planned.cost.passes:,} passes at "
        f"{planned.speed:.3g} images per second{' and core' * planned.on_cpu} now; its "
        f"{planned.cost.jobs} jobs take {_minutes(planned.beside)} beside. At most "
        f"{planned.cost.written:.1f} GB are written.",
        *_circumstances(planned),
        *(f"{note[0].upper()}{note[1:]}." for note in planned.images.notes),
        "",
        "Less than by default (docs/configuration.md), whose values stand in brackets:",
        *(f"  {line}" for line in left_out(planned)),
        "",
        "Next:",
    ]
    commands = [  # never folded: they are pasted
        f"  {run} {typed} plan{' ' * len(limit)}   # how long, how large",
        f"  {run} {typed}{limit}        # then open {page}",
    ]
    return "\n".join([*(part for line in lines for part in _folded(line)), *commands])


def _circumstances(planned: FirstStudy) -> Iterator[str]:
    """Yield what else the time follows from."""
    if planned.slowdown > BUSY:
        yield (
            f"Other work is going on: jobs are expected to take {planned.slowdown:.1f} times as "
            "long as on an idle machine. Write the study anew when it is idle for a richer one."
        )
    if planned.crowded:
        yield (
            f"Jobs side by side may take up to {planned.memory:.0f} GB of memory, more than "
            f"{100 * MEMORY:.0f} % of the {planned.machine:.0f} GB of this machine: with mem_mb "
            "as below, fewer run at a time where they need so much."
        )
    if planned.cramped:
        yield (
            "A richer study would end in time, too, but take most of the disk that is free here: "
            "make room, and write the study anew."
        )
    if planned.network.origin == "downloaded":
        yield f"Its weights, {planned.network.weights / 1e6:.0f} MB, are downloaded first."


def _allowed(planned: FirstStudy) -> int:
    """Return the megabytes that all jobs may take."""
    return round(1000 * MEMORY * planned.machine)


def left_out(planned: FirstStudy) -> list[str]:
    """List what a study has less of than the defaults, by section.

    Arguments:
        planned: The study.
    """
    config = planned.config
    head = {key: config[key] for key in ("study", "dataset", "networks", "designs")}
    usual = Study.load(head).plain
    designs = config["designs"]
    analysed = [name for name, own in designs.items() if own.get("analyses", True)]
    lines = [_sampled(designs)]
    if not analysed:
        lines.append(f"{ANALYSES}: left out")
    elif len(analysed) < len(designs):
        lines.append(f"{ANALYSES}: of {' and '.join(analysed)} alone")
    for section in LOWERED:
        if config.get(section) == {"networks": []}:
            lines.append(f"{section}: left out")
        elif section in config:
            changes = ", ".join(_changes(config[section], usual[section]))
            lines.append(f"{section}: {changes}")
    return lines


def _sampled(designs: Mapping[str, Any]) -> str:
    one = next(iter(designs.values()))
    count = sum(len(own["augmentations"]) for own in designs.values())
    return (
        f"designs: {count} of {len(PARAMETERS)} augmentations, {one['replicates']} replicates "
        f"(8) of {one['base_points']} base points (1024 in the published study)"
    )


def _changes(
    stated: Mapping[str, Any], usual: Mapping[str, Any], above: str = ""
) -> Iterator[str]:
    """Yield every value that is not the default, beside it."""
    for key, value in stated.items():
        name, default = f"{above}{key}", usual[key]
        if isinstance(value, Mapping) and isinstance(default, Mapping):
            yield from _changes(value, default, f"{name}.")
        elif value != default and default is not None:
            yield f"{name} {_short(value)} ({_short(default)})"


def _short(value: Any) -> str:
    """Write a value; of long lists how many there are."""
    if not isinstance(value, list):
        return str(value)
    return "/".join(map(str, value)) if len(value) <= FEW else f"{len(value)} values"


def _headline(planned: FirstStudy) -> str:
    network = next(iter(planned.config["networks"]))
    classes = len(planned.images.classes)
    return (
        f"{network} on {planned.images.count} photographs of {classes} classes, about "
        f"{_minutes(planned.minutes)} on {planned.cores} cores."
    )


def _photographs(planned: FirstStudy) -> str:
    """List classes by their photographs."""
    images = planned.images
    shown = [f"{_one_line(name)} {count}" for name, count in images.classes.items()]
    more = f" and {len(shown) - MOST} more" if len(shown) > MOST else ""
    lines = f"Photographs of every class: {', '.join(shown[:MOST])}{more}."
    if "samples_per_class" in images.settings:
        lines += f" Of these {images.count} are taken; raise samples_per_class for more."
    if "on_unreadable" in images.settings:
        lines += " Files that cannot be read are left out, and listed."
    if "validation_fraction" in images.settings:
        lines += " Half of them are for validation: nothing is trained."
    return lines


def _network(planned: FirstStudy) -> str:
    (network,) = planned.config["networks"].values()
    return f"Of {network['kind']}; {planned.network.units:,} units are recorded."


def _one_line(name: str) -> str:
    """Return a name that ends no comment: YAML knows more line breaks than one."""
    return printable(name).replace("\n", r"\n").replace("\t", r"\t")


def _minutes(minutes: float) -> str:
    return f"{minutes:.0f} minutes" if minutes >= FEW else f"{60 * minutes:.0f} seconds"


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in wrap(text, WIDTH - 2, break_long_words=False))


def _dumped(key: str, value: Any) -> str:
    return yaml.safe_dump(
        {key: value},
        sort_keys=False,
        default_flow_style=None if isinstance(value, Mapping) else False,
        allow_unicode=True,
        width=WIDTH,
    )


def _folded(line: str) -> list[str]:
    return wrap(line, WIDTH, subsequent_indent="    ", break_on_hyphens=False) or [""]
