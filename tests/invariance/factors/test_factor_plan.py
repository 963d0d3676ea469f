"""Where concepts are looked for, what is refused, and what is planned."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from actsense.errors import ConfigError
from actsense.invariance.factors.plan import (
    check_concepts,
    concepts_file,
    factor_places,
    followed,
    over_training,
    work,
)
from actsense.invariance.settings import Invariance
from actsense.layers import place_layers
from actsense.networks.settings import Trained
from actsense.work import Facts, NetworkFacts, store_files

LAYERS = {"stage": (8, 4, 4), "hidden": (12,), "logits": (10,)}


def facts(factors: dict[str, Any] | None, *, kind: str = "digits", **invariance: Any) -> Facts:
    """Return what is known of a study of two networks, of which one is looked at."""
    plain = {"networks": ["net"], "factors": factors, **invariance}
    settings = SimpleNamespace(
        invariance=Invariance.model_validate(plain),
        networks={
            "net": Trained(epochs=6, checkpoints=(0, 2)),  # type: ignore[arg-type]
            "other": Trained(),
        },
        dataset=SimpleNamespace(image_size=32, kind=kind),
        batch_size=16,
        device="cpu",
    )
    known = {
        name: NetworkFacts(
            *("trained", place_layers(LAYERS.items())),
            **{"weights": 4, "forward": 100, "back": 200, "hidden": 5, "speed": 0.0},
            **{"designs": (), "analysed": ()},
        )
        for name in ("net", "other")
    }
    return Facts(settings, 10, 0, known, (100, 40))


def test_concepts_are_told_of_all_layers_and_of_the_last_one_over_training() -> None:
    layers = list(LAYERS)
    assert factor_places(facts({"concepts": "digits"}), "net") == [
        *(("trained", layer, 6) for layer in layers),
        *(("random", layer, None) for layer in layers),
        *((f"epoch_{epoch}", "logits", epoch) for epoch in (0, 2)),
    ]
    assert over_training(facts({}))


def test_layers_and_states_can_be_left_out() -> None:
    some = facts({"layers": ["hidden"], "training": False}, random=False)
    assert factor_places(some, "net") == [("trained", "hidden", 6)]
    assert not over_training(some)
    assert not over_training(facts({}, networks=["other"]))


def test_without_concepts_nothing_is_looked_for() -> None:
    assert followed(facts(None)) == []
    assert work(facts(None)) == []
    assert concepts_file(facts(None)) is None
    check_concepts(facts(None))


def test_digits_are_concepts_of_digits_alone() -> None:
    check_concepts(facts({"concepts": "digits"}))
    with pytest.raises(ConfigError, match=r"`digits` makes pairs .* kind `folder`"):
        check_concepts(facts({"concepts": "digits"}, kind="folder"))


def test_concepts_that_are_no_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    with pytest.raises(ConfigError, match=r"mine\.csv' is no file\. Allowed: `classes`, `digits`"):
        check_concepts(facts({"concepts": str(path)}))
    path.write_text("path,hat\n")
    check_concepts(facts({"concepts": str(path)}))
    assert concepts_file(facts({"concepts": str(path)})) == str(path)
    assert concepts_file(facts({"concepts": "classes"})) is None


def test_layers_that_are_not_looked_at_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"invariance\.factors\.layers: 'hiden' is not known"):
        factor_places(facts({"layers": ["hiden"]}), "net")


@pytest.mark.parametrize(
    "wrong", [{"pairs": 9}, {"correlation": 1}, {"sizes": "some"}, {"concept": "digits"}]
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        facts(wrong)


def test_jobs_are_planned_with_what_they_take() -> None:
    learned, looked, compared = work(facts({"concepts": "digits", "pairs": 5000}))
    assert [learned.rule, looked.rule, compared.rule] == [
        *("train_factors", "explain_factors", "compare_factors"),
    ]
    assert looked.network == "net"
    # 40 anchors, of each itself, and three parts of 16 samples and two swaps; four states.
    assert looked.passes == 40 * (1 + 3 * 18) + 4 * 40
    assert looked.files == store_files(12 + 2 * 8, 1 + 8)
    longer = work(facts({"concepts": "digits", "pairs": 50_000}))[0]
    assert longer.seconds > learned.seconds
    assert longer.holds > 5 * learned.holds
    assert all(own.tensors or own.passes for own in (learned, looked, compared))
