"""All findings of a study, in the order in which its report is read."""

__all__ = ["find_findings", "headlines"]

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, zip_longest

from actsense.findings import analyses, beside, segments, units
from actsense.findings.finding import Finding
from actsense.inspection.study_results import StudyResults

SOURCES: tuple[Callable[[StudyResults], Iterator[Finding]], ...] = (
    units.layers_findings,
    units.pairs_findings,
    units.contrast_findings,
    analyses.correlation_findings,
    analyses.recognition_findings,
    analyses.masking_findings,
    analyses.single_class_findings,
    segments.segment_findings,
    beside.shuffle_findings,
    beside.pattern_findings,
    beside.attack_findings,
    beside.picture_findings,
    beside.facet_findings,
    beside.invariance_findings,
    beside.concept_findings,
)


def find_findings(study: StudyResults) -> list[Finding]:
    """Return what the tables of a study say beyond their intervals.

    What has not been made is left out, and so is what an interval does not decide.

    Arguments:
        study: The study.

    Raises:
        ConfigError: If a table is damaged.
    """
    return [finding for source in SOURCES for finding in source(study)]


def headlines(findings: Sequence[Finding], count: int = 10) -> list[Finding]:
    """Choose findings with a figure of their own, of as many targets as possible, in their order.

    Arguments:
        findings: All of them.
        count: How many at most.
    """
    of_figure: dict[str, Finding] = {}
    for finding in findings:
        of_figure.setdefault(finding.figure, finding)
    of_target: dict[str, list[Finding]] = {}
    for figure, finding in of_figure.items():
        if figure:
            of_target.setdefault(finding.target, []).append(finding)
    rounds = chain.from_iterable(zip_longest(*of_target.values()))
    chosen = [finding for finding in rounds if finding is not None][:count]
    return sorted(chosen, key=findings.index)
