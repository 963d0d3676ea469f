"""Names of classes against names of outputs, looked for by hand."""

import unicodedata

import pytest
from timm.data import ImageNetInfo
from torchvision.models import AlexNet_Weights

from actsense.networks.names import imagenet_names, listed_names, plain_letters

SYNSETS = ImageNetInfo().label_names()
CATEGORIES = AlexNet_Weights.DEFAULT.meta["categories"]


@pytest.mark.parametrize("form", ["{}", "{}-tench", "{} tench", "{}_whatever"])
def test_every_synset_is_its_output(form: str) -> None:
    names = imagenet_names(1000)
    assert names is not None
    found = [names.find(form.format(synset)) for synset in SYNSETS]
    assert found == [{k} for k in range(1000)]
    assert names.find("n01440764x") == names.find("n99999999") == set()


@pytest.mark.parametrize("change", [str, str.upper, lambda name: name.replace(" ", "_")])
def test_every_name_of_torchvision_is_its_output_but_for_three(change: object) -> None:
    names = imagenet_names(1000)
    assert names is not None
    several = {}
    for k, category in enumerate(CATEGORIES):
        found = names.find(change(category))
        assert k in found
        if len(found) > 1:
            several[category] = found
    cardigans = {name: {264, 474} for name in ("Cardigan", "cardigan")}
    assert several == {"crane": {134, 517}, "maillot": {638, 639}, **cardigans}
    assert len(set(names.shown)) == 1000


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("tench, Tinca tinca", 0),
        ("Tinca_tinca", 0),
        ("crane_bird", 134),
        ("n02012849", 134),
        ("orca", 148),
        ("missile", 657),
        ("projectile", 744),
        ("jack o lantern", 607),
        ("black-and-tan_Coonhound", 165),
    ],
)
def test_imagenet_is_known_by_synonyms(name: str, output: int) -> None:
    names = imagenet_names(1000)
    assert names is not None
    assert names.find(name) == {output}


def test_other_numbers_of_outputs_have_other_names_or_none() -> None:
    assert imagenet_names(12) is None
    assert imagenet_names(1001) is None
    larger = imagenet_names(21841)
    assert larger is not None
    assert len(set(larger.shown)) == 21841
    assert larger.find("n01440764") == {
        ImageNetInfo("imagenet-22k").label_names().index("n01440764")
    }


def test_a_list_is_known_by_the_name_itself_first() -> None:
    names = listed_names(["a", "A", "B, bee", "cat", "cat", "C++", "C#"])
    found = {name: names.find(name) for name in ("a", "A", "b", "BEE", "cat", "c#", "d", "c")}
    assert found == {
        **{"a": {0}, "A": {1}, "b": {2}, "BEE": {2}},
        **{"cat": {3, 4}, "c#": {5, 6}, "d": set(), "c": {5, 6}},
    }
    assert names.shown == ("a", "A", "B, bee", "cat (output 3)", "cat (output 4)", "C++", "C#")


def test_accents_are_composed_and_kept() -> None:
    names = listed_names(["Caf\u00e9", "Cafe", "\u732b"])
    assert names.find(unicodedata.normalize("NFD", "Caf\u00e9")) == {0}
    assert names.find("CAFE\u0301") == {0}
    assert names.find("cafe") == {1}
    assert names.find("\u732b") == {2}
    assert plain_letters("  Great_white--Shark ") == "great white shark"
