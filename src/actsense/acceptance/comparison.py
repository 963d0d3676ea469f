"""A finished study beside the published one, as text and as a table."""

__all__ = ["Comparison", "compare_published"]

import json
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap

import pandas as pd

from actsense.acceptance.accuracies import compare_accuracies
from actsense.acceptance.costs import compare_costs
from actsense.acceptance.published import Recognised, recognise
from actsense.errors import ConfigError, MissingResultError
from actsense.inspection import RunResults, StudyResults

WIDTH = 100
AGREES, DIFFERS = "agrees", "differs"


@dataclass(frozen=True)
class Comparison:
    """What a study and the published one have in common.

    Attributes:
        accuracies: Of all runs, see `compare_accuracies`.
        text: Everything in words and columns, none wider than 100 characters.
    """

    accuracies: pd.DataFrame
    text: str

    @property
    def agrees(self) -> bool:
        """Tell whether no accuracy differs without a known reason."""
        return not (self.accuracies["verdict"] == DIFFERS).any()


def compare_published(study: StudyResults, *, tolerance: float) -> Comparison:
    """Set a study beside the published one.

    Arguments:
        study: The study.
        tolerance: By how much intervals of accuracies are widened, a share of images.

    Raises:
        ConfigError: If it has no accuracies of a published network.
    """
    tables: list[pd.DataFrame] = []
    lines: list[str] = []
    left: list[str] = []
    for network in study.networks:
        runs = [study[network, design] for design in study.designs(network)]
        found: dict[RunResults, Recognised] = {}
        for run in runs:
            seen = _accuracies(run, tolerance)
            if isinstance(seen, str):
                left.append(f"{network} under {run.design}: not compared, {seen}.")
                continue
            found[run], table = seen
            tables.append(table)
            lines += [*_heading(run, found[run]), *_rows(table), ""]
        if found:
            lines += [*_costs([*found], next(iter(found.values()))), ""]
    if not tables:
        raise ConfigError("\n".join(left) or f"{study.path}: no network was run under a design.")
    whole = pd.concat(tables, ignore_index=True)
    text = "\n".join([*lines, *_wrapped(left), *_conclusion(whole, tolerance)])
    return Comparison(whole, text)


def _accuracies(run: RunResults, tolerance: float) -> tuple[Recognised, pd.DataFrame] | str:
    """Return the accuracies of a run, or why they are not compared."""
    try:
        attributes, masking = run.masking.attrs, run.table("masking")
    except MissingResultError as error:
        return str(error).rstrip(".")
    if "configuration" not in attributes:
        return "its masks do not say which network and images they are of"
    settings = json.loads(attributes["configuration"])
    networks, dataset = settings.get("networks", {}), settings.get("dataset", {})
    found = recognise(networks.get(run.network, {}), dataset)
    if isinstance(found, str):
        return found
    if attributes.get("label") != "class":
        return "its classes have no outputs, so that nothing is right or wrong"
    table = compare_accuracies(masking, found, settings, run.design, tolerance=tolerance)
    return (found, table) if len(table) else f"no accuracies are published of {found}"


def _heading(run: RunResults, found: Recognised) -> list[str]:
    settings = json.loads(run.masking.attrs["configuration"])
    described = settings["designs"][run.design]
    network = settings["networks"][run.network]
    stretched = described.get("stretch", described.get("law") == "published")
    return [
        *_wrapped(
            [
                f"{run.network} under {run.design}: {found}, weights {network['weights']}, "
                f"{run.masking.attrs['images']} images, law {described.get('law', '?')}, "
                f"{'stretched' if stretched else 'not stretched'}"
            ]
        ),
        f"  {'input':20}{'':6}{'ours':7}{'95 % interval':18}{'published':11}{'difference':12}",
    ]


def _rows(table: pd.DataFrame) -> Iterator[str]:
    for row in table.itertuples():
        yield (
            f"  {row.input:20}{row.measure:6}{row.ours:.4f} [{row.low:.4f}, {row.high:.4f}]  "
            f"{row.published:<11.4f}{row.difference:<+12.4f}{row.verdict}"
        )
    unlike = table[table["verdict"] != AGREES]
    for reason, rows in unlike[unlike["reason"] != ""].groupby("reason", sort=False):
        names = ", ".join(dict.fromkeys(rows["input"]))
        yield from _wrapped([f"{names}: {reason}."], indent="  ")


def _costs(runs: list[RunResults], found: Recognised) -> Iterator[str]:
    table = compare_costs(runs, found)
    if len(table):
        yield f"What {runs[0].network} took, published: all experiments; ours: {_named(runs)}"
        yield f"  {'':30}{'published':>16}{'ours':>16}"
    for row in table.to_dict("records"):
        published, ours = _short(row["published"]), _short(row["ours"])
        yield f"  {row['what']:30}{published:>16}{ours:>16} {row['unit']}"


def _named(runs: list[RunResults]) -> str:
    return ", ".join(run.design for run in runs)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _conclusion(table: pd.DataFrame, tolerance: float) -> Iterator[str]:
    counts = table["verdict"].value_counts()
    unlike, known = counts.get(DIFFERS, 0), counts.get("differs as expected", 0)
    yield from _wrapped(
        [
            f"{counts.get(AGREES, 0)} of {len(table)} accuracies agree: the published one lies in "
            f"the interval, widened by {tolerance:g}. {known} differ for a known reason, "
            f"{unlike} without one."
        ]
    )


def _wrapped(texts: list[str], indent: str = "") -> list[str]:
    return [
        line
        for text in texts
        for line in wrap(text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ")
    ]
