"""What a run looks up about its networks: once for the same network and code, always else."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torchvision.models import squeezenet1_1

from actsense.errors import ConfigError
from actsense.study import survey as module
from actsense.study.configuration import check
from actsense.study.settings import Settings
from actsense.study.study import Study

REPOSITORY = Path(__file__).parents[2]
OWN = {"kind": "python", "factory": "actsense.networks.compact:CompactNetwork"}
OWN |= {"arguments": {"classes": 10}}


def tiny(**network: Any) -> Settings:
    """Return the tiny study with one network of other settings."""
    settings = yaml.safe_load((REPOSITORY / "workflow/studies/test.yaml").read_text())
    one = network if "kind" in network else settings["networks"]["one"] | network
    settings["networks"] = {"one": one}
    return check(settings)


@pytest.fixture
def looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of networks that were built, in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    built: list[str] = []
    look = module._look

    def noted(name: str, *arguments: Any) -> dict[str, Any]:
        built.append(name)
        return look(name, *arguments)

    monkeypatch.setattr(module, "_look", noted)
    return built


def test_a_network_is_built_once_and_remembered_as_it_was(looked: list[str]) -> None:
    first, second = module.survey(tiny()), module.survey(tiny())
    assert looked == ["one"]
    assert first == second
    assert [name for name, _ in first["layers"]["one"]] == ["stage2", "logits", "probabilities"]
    assert first["origins"] == {"one": "trained"}


@pytest.mark.parametrize("change", [{"width": 3}, {"layers": ["logits"]}])
def test_other_settings_are_looked_up_again(looked: list[str], change: dict[str, Any]) -> None:
    before, after = module.survey(tiny()), module.survey(tiny(**change))
    assert looked == ["one", "one"]
    assert before["layers"] != after["layers"]


def test_other_code_is_looked_up_again(looked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    module.survey(tiny())
    monkeypatch.setattr(module, "_source", lambda: "another commit")
    module.survey(tiny())
    assert looked == ["one", "one"]


def test_code_of_the_users_is_never_remembered(looked: list[str]) -> None:
    assert module.survey(tiny(**OWN)) == module.survey(tiny(**OWN))
    assert looked == ["one", "one"]
    assert not module.REMEMBERED.exists()


def test_what_is_remembered_badly_or_not_at_all_costs_time_only(looked: list[str]) -> None:
    expected = module.survey(tiny())
    (remembered,) = module.REMEMBERED.iterdir()
    remembered.write_text('{"layers": [["sta')
    assert module.survey(tiny()) == expected
    remembered.unlink()
    module.REMEMBERED.rmdir()
    module.REMEMBERED.write_text("a file where the folder would be")
    assert module.survey(tiny()) == expected
    assert looked == ["one"] * 3


def test_a_weights_file_that_came_makes_a_network_imported(looked: list[str]) -> None:
    network = {"kind": "torchvision", "model": "squeezenet1_1", "weights": "DEFAULT"}
    network |= {"layers": ["logits"]}
    known = module.survey(tiny(**network))
    assert (known["origins"], known["layers"]) == (
        {"one": "downloaded"},
        {"one": [["logits", [1000]]]},
    )
    for outputs in (7, 3):  # another file in its place is looked at again
        torch.save(squeezenet1_1(num_classes=outputs).state_dict(), "DEFAULT")
        known = module.survey(tiny(**network))
        assert (known["origins"], known["layers"]) == (
            {"one": "imported"},
            {"one": [["logits", [outputs]]]},
        )
    imported = Path("results/tiny/one/weights.pt")
    imported.parent.mkdir(parents=True)
    network["weights"] = "./DEFAULT"
    Path("DEFAULT").rename(imported)  # what was imported stands in for a file that is gone
    assert module.survey(tiny(**network))["layers"] == known["layers"]
    network["weights"] = "DEFAULT"
    Path("DEFAULT").write_text("<html>")
    with pytest.raises(ConfigError, match="DEFAULT: a web page"):
        module.survey(tiny(**network))


def test_files_of_the_users_are_params_of_their_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.pt").write_bytes(b"weights")
    before, same, other = [], [], []
    for found, content in ((before, b"weights"), (same, b"weights"), (other, b"changed")):
        Path("mine.pt").write_bytes(content)
        study = Study(tiny(**OWN, weights="mine.pt"), {})
        found.append(study.survey["inputs"]["one"])
    assert before == same != other
    assert module.survey(tiny())["inputs"] == {"one": ""}
