"""A link says what is shown, and what cannot be shown falls back with a note."""

import pytest

from actsense.explorer.link import Wishes


def test_a_link_is_granted_and_written_again() -> None:
    wishes = Wishes({"layer": "fc", "unit": "3"})
    assert wishes.choose("layer", ["conv", "fc"]) == "fc"
    assert wishes.number("unit", 7) == 3
    assert wishes.query() == {"layer": "fc", "unit": "3"}
    assert wishes.notes == []


@pytest.mark.parametrize("wrong", ["conv9", "", "CONV", "' or 1"])
def test_an_unknown_option_falls_back_with_a_note(wrong: str) -> None:
    wishes = Wishes({"layer": wrong})
    assert wishes.choose("layer", ["conv", "fc"], default="fc") == "fc"
    assert wishes.notes == [f"The link's layer {wrong!r} is not here; showing 'fc'."]
    assert wishes.query() == {"layer": "fc"}


@pytest.mark.parametrize(
    "wrong", ["7", "-1", "1.5", "", "three", "9" * 30, "0" * 30 + "9", "²", "0x1"]
)
def test_an_impossible_number_falls_back_with_a_note(wrong: str) -> None:
    wishes = Wishes({"unit": wrong})
    assert wishes.number("unit", 7, default=5) == 5
    assert wishes.notes == [f"The link's unit {wrong!r} is not from 0 to 6; showing 5."]


@pytest.mark.parametrize("wrong", ["2.01", "-1", "nan", "inf", "", "1,5", "much"])
def test_an_impossible_amount_falls_back_with_a_note(wrong: str) -> None:
    wishes = Wishes({"hue.shift": wrong})
    assert wishes.amount("hue.shift", 0.5, 2.0, 0.75) == 0.75
    assert wishes.notes == [f"The link's hue.shift {wrong!r} is not from 0.5 to 2; showing 0.75."]


def test_an_amount_is_granted_at_both_ends_and_written_with_six_digits() -> None:
    for given, written in (("0.5", "0.5"), ("2.0", "2"), ("1.23456789", "1.23457")):
        wishes = Wishes({"hue.shift": given})
        assert wishes.amount("hue.shift", 0.5, 2.0, 0.75) == float(given)
        assert wishes.query() == {"hue.shift": written}
        assert wishes.notes == []


def test_of_nothing_that_is_on_a_link_says_nothing() -> None:
    wishes = Wishes({"on": "hue,nowhere"})
    assert wishes.several("on", ["hflip", "hue"], [], least=0, most=2) == ["hue"]
    assert wishes.query() == {"on": "hue"}
    assert len(wishes.notes) == 1
    wishes.begin()
    wishes.want("on", "")
    assert wishes.several("on", ["hflip", "hue"], [], least=0, most=2) == []
    assert wishes.query() == {}
    assert wishes.notes == []


def test_a_default_beyond_the_end_is_the_last() -> None:
    assert Wishes({}).number("unit", 3, default=9) == 2


def test_nothing_wanted_is_no_mistake() -> None:
    wishes = Wishes({})
    assert wishes.choose("layer", ["conv", "fc"]) == "conv"
    assert wishes.choose("factor", ["hue", "class"], default="nowhere") == "hue"
    assert wishes.notes == []


def test_a_click_takes_the_place_of_the_link_and_of_what_depends_on_it() -> None:
    wishes = Wishes({"layer": "conv", "channel": "2", "view": "masking"})
    wishes.want("layer", "fc", instead_of=("channel",))
    assert wishes.choose("layer", ["conv", "fc"]) == "fc"
    assert wishes.number("channel", 3, default=1) == 1
    assert wishes.choose("view", ["units", "masking"]) == "masking"
    assert wishes.notes == []


def test_a_click_takes_the_notes_away_and_its_own_fallback_makes_none() -> None:
    wishes = Wishes({"layer": "conv9", "unit": "99"})
    wishes.choose("layer", ["conv"])
    wishes.number("unit", 3)
    assert len(wishes.notes) == 2
    wishes.want("layer", "conv")
    wishes.number("unit", 3)
    assert wishes.notes == []


def test_wishes_of_controls_that_are_not_there_wait() -> None:
    wishes = Wishes({"metric": "entropy"})
    wishes.begin()
    wishes.choose("view", ["units", "masking"])
    assert wishes.query() == {"view": "units"}
    wishes.begin()
    assert wishes.choose("metric", ["top1", "entropy"]) == "entropy"


def test_the_page_does_not_follow_what_it_wrote_itself() -> None:
    wishes = Wishes({"layer": "conv9"})
    wishes.choose("layer", ["conv", "fc"])
    written = wishes.query()
    wishes.want("layer", "fc")
    wishes.follow(written)
    assert wishes.choose("layer", ["conv", "fc"]) == "fc"


def test_another_link_replaces_all_wishes() -> None:
    wishes = Wishes({"layer": "fc", "view": "masking"})
    wishes.choose("layer", ["conv", "fc"])
    wishes.query()
    wishes.follow({"layer": "conv"})
    assert wishes.choose("layer", ["conv", "fc"]) == "conv"
    assert wishes.choose("view", ["units", "masking"]) == "units"
