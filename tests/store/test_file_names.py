"""Different layers never share a file, on any file system."""

from hypothesis import given
from hypothesis import strategies as st

from actsense.store import file_names


def test_ordinary_layers_are_their_own_files() -> None:
    layers = ["features.10", "0.1", "0.10", "1", "layer_2", "a-b"]
    assert file_names(layers) == {layer: layer for layer in layers}


def test_other_characters_are_encoded() -> None:
    assert [*file_names(["猫/{x} y", "a%b"]).values()] == ["%E7%8C%AB%2F%7Bx%7D%20y", "a%25b"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), unique=True, max_size=8))
def test_files_differ_without_regard_to_capitals_and_are_short(layers: list[str]) -> None:
    files = [*file_names(layers).values()]
    assert len({file.lower() for file in files}) == len(layers)
    assert all(file.isascii() and "/" not in file and len(file) < 140 for file in files)


def test_layers_that_differ_in_capitals_are_two_files() -> None:
    first, second = file_names(["Conv", "conv"]).values()
    assert first == "Conv"
    assert second.startswith("conv~")
