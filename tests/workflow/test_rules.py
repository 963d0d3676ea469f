"""Rules read as sentences: short, without what follows from their name or from the profile."""

import re
from collections import Counter
from statistics import median

import pytest
from pipeline import REPOSITORY

FILES = [REPOSITORY / "workflow/Snakefile", *sorted((REPOSITORY / "workflow/rules").glob("*.smk"))]
HEAD = re.compile(r"^(?P<indent> *)(?:use )?rule (?P<name>\w+)(?: as (?P<copy>\w+) with)?:$")
# Snakemake's own words, and what closes what they open.
WORDS = re.compile(r"^(\w+:|localrule: True|[])},]+)$")


def indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def read_rules() -> dict[str, list[str]]:
    """Return the lines of every rule, from its head on, without blank ones."""
    rules: dict[str, list[str]] = {}
    for path in FILES:
        lines: list[str] = []
        for line in filter(str.strip, path.read_text().splitlines()):
            if head := HEAD.match(line):
                lines = rules.setdefault(head["copy"] or head["name"], [line])
            elif lines and indentation(line) > indentation(lines[0]):
                lines.append(line)
            else:
                lines = []
    return rules


RULES = read_rules()


def said(rule: str, directive: str) -> list[str]:
    """Return what a rule says under a directive."""
    text = "\n".join(RULES[rule])
    found = re.search(rf"^( *){directive}:\n((?:\1 .+\n?)*)", text, flags=re.MULTILINE)
    return [line.strip() for line in found[2].splitlines()] if found else []


def test_rules_are_short() -> None:
    lengths = [len(lines) for lines in RULES.values()]
    assert len(lengths) > 40
    assert median(lengths) <= 17
    assert max(lengths) <= 35


def test_rules_repeat_little_of_each_other() -> None:
    lines = [line.strip() for rule in RULES.values() for line in rule]
    own = Counter(line for line in lines if not WORDS.match(line))
    repeated = sum(count for count in own.values() if count >= 5)
    assert repeated <= 0.2 * own.total()


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_asks_only_for_what_follows_from_its_sizes(rule: str) -> None:
    """Everything else is the default of the profile, which it must not repeat."""
    own = {f'mem_mb=memory("{rule}"),', f'runtime=runtime("{rule}"),'}
    asked = {line for line in said(rule, "resources") if re.match("mem_mb|runtime", line)}
    assert asked <= own


@pytest.mark.parametrize("rule", RULES)
def test_environment_log_and_benchmark_are_said_once_for_all_rules(rule: str) -> None:
    assert not [line for line in RULES[rule] if re.match(r" +(conda|log|benchmark):", line)]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_says_in_words_what_it_makes_and_does(rule: str) -> None:
    if "script:" in "\n".join(RULES[rule]):
        assert re.match(r' +"""[A-Z].*[.?]', RULES[rule][1])
        assert said(rule, "message")
        assert said(rule, "script") == [f'"../../scripts/{rule}.py"']
