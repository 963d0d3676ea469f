"""Streams: one per purpose, and no purpose twice in the house."""

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from actsense.draws import stream
from actsense.draws.counter import counter_keys

SOURCE = Path(__file__).parents[2] / "src/actsense"
# Purposes that begin with what a user names, or with a number, and where. A class has one word; a
# design its name and a number, and names of designs hold no space.
OPEN = {
    "data/pool.py: SHUFFLED",
    "data/splits.py: key",
    "sampling/designs.py: self.name, replicate",
    "sampling/designs.py: self.name, replicate, number",
    "sampling/designs.py: self.name, replicate, number, 'hidden'",
    "statistics/resampling.py: *purpose",
}
# Further numbers of what are keys of a purpose already.
DERIVED = {
    "attribution/gradients.py: sample, [keys]",
    "augment/division.py: attempt, [keys]",
    "spatial/cells/orders.py: seed, [purpose, torch.from_numpy(rows), draw]",
}


@cache
def trees() -> dict[str, ast.Module]:
    paths = sorted(SOURCE.rglob("*.py"))
    return {str(path.relative_to(SOURCE)): ast.parse(path.read_text()) for path in paths}


def calls(function: str) -> dict[str, list[ast.expr]]:
    """Return the arguments of all calls in the package, by place and text."""
    found: dict[str, list[ast.expr]] = {}
    for path, tree in trees().items():
        for node in ast.walk(tree):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if named and node.func.id == function:
                found[f"{path}: " + ", ".join(map(ast.unparse, node.args))] = node.args
    return found


def words(parts: list[ast.expr]) -> tuple[str, ...]:
    """Return the words that a purpose begins with."""
    texts = [part.value if isinstance(part, ast.Constant) else None for part in parts]
    texts.append(None)
    return tuple(str(text) for text in texts[: texts.index(None)])


def purposes() -> list[tuple[str, ...]]:
    """Return the words of every call that is neither open nor derived."""
    found = []
    drawn = {call: arguments[1:] for call, arguments in calls("stream").items()}
    resampled = {call: arguments[3:] for call, arguments in calls("resample").items()}
    for call, purpose in (drawn | resampled).items():
        place, _, _ = call.partition(": ")
        if f"{place}: " + ", ".join(map(ast.unparse, purpose)) not in OPEN:
            found.append(words(purpose))
    for call, (seed, parts) in calls("counter_keys").items():
        if call not in DERIVED:
            assert isinstance(parts, ast.List)
            # A word in the place of the seed is a purpose of its own.
            by_word = isinstance(seed, ast.Constant)
            found.append(("for a seed", *words([seed])) if by_word else words(parts.elts))
    return found


def test_every_purpose_begins_with_words_and_none_is_there_twice() -> None:
    found = purposes()
    assert len(found) > 14
    assert () not in found
    assert [purpose for purpose, times in Counter(found).items() if times > 1] == []


def test_no_random_number_comes_from_elsewhere() -> None:
    for path in sorted(SOURCE.rglob("*.py")):
        if path.parent.name != "draws":
            text = path.read_text()
            for other in ("SeedSequence", "default_rng", "RandomState", "np.random.seed"):
                assert other not in text, f"{path.name} has {other}: see actsense.draws.stream"


def test_no_name_of_a_user_reaches_a_purpose_of_the_house() -> None:
    for call, (_, first, *others) in calls("stream").items():
        if isinstance(first, ast.Constant) and call not in OPEN:
            assert " " in str(first.value) or others, call


def test_streams_of_different_purposes_differ() -> None:
    every = [(0,), (0, 0), (1,), ("train",), ("a", "b"), ("b", "a"), ("a b",), ("a", 0), ("a",)]
    first = [tuple(stream(3, *purpose).integers(2**62, size=2)) for purpose in every]
    assert len(set(first)) == len(every)
    assert stream(3, "a").random() != stream(4, "a").random()
    assert stream(3, "a").random() == stream(3, "a").random()


def test_a_stream_is_numpys_own_of_the_seed_and_the_crc_of_each_word() -> None:
    sequence = np.random.SeedSequence(7, spawn_key=(0xCBF43926, 5))  # the check value of CRC-32
    assert stream(7, "123456789", 5).random() == np.random.default_rng(sequence).random()


@pytest.mark.parametrize(
    ("purpose", "text"),
    [((), "purpose"), ((2**32,), "4294967296"), ((-1,), "-1"), ((True,), "True")],
)
def test_what_is_no_purpose_is_refused(purpose: tuple[int, ...], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        stream(0, *purpose)


def test_a_word_among_keys_is_its_number() -> None:
    assert counter_keys(1, ["123456789", 4]) == counter_keys(1, [0xCBF43926, 4])
    assert counter_keys("123456789", [4]) == counter_keys(0xCBF43926, [4])
