"""Weights as people have them: kinds of files, checkpoints, wrappers, and what is refused."""

import argparse
import gzip
import json
import logging
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from actsense.errors import ConfigError
from actsense.networks.network import load_network
from actsense.networks.settings import read_network
from actsense.networks.state import read_tensors
from actsense.networks.weights import import_weights
from actsense.networks.weights_file import read_candidates

State = dict[str, Tensor]


class Small(nn.Module):
    """A network whose classifier is not the last of its names, sorted."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.classifier = nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        return self.classifier(self.norm(self.stem(images)).mean((2, 3)))


class Wrapped(nn.Module):
    """A network that keeps another as `module`, as many wrappers do."""

    def __init__(self) -> None:
        super().__init__()
        self.module = Small()

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        return self.module(images)


class Tied(nn.Module):
    """Two names for one tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(3, 3), nn.Linear(3, 3)
        self.two.weight = self.one.weight

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        return self.two(self.one(images.mean((2, 3))))


class Parametrised(Small):
    """A module beside its layers is shown a weight and no images."""

    def __init__(self) -> None:
        super().__init__()
        nn.utils.parametrizations.weight_norm(self.stem)


def lazy() -> nn.Module:
    return nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(5))


def parallel() -> nn.Module:
    return nn.DataParallel(Small())


def drawn(module: Callable[[], nn.Module] = Small) -> nn.Module:
    """Return a network with weights of its own, its counts of batches among them."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        made = module()
        if isinstance(made, Small):
            made(torch.rand(2, 3, 8, 8))
    return made


def taken(tmp_path: Path, content: Any, factory: str = "Small") -> State:
    """Save content, import it as weights, and return those of the network that jobs open."""
    path = content if isinstance(content, Path) else tmp_path / "own.pt"
    if path is not content:
        torch.save(content, path)
    settings = {"name": "net", "kind": "python", "factory": f"{__name__}:{factory}"}
    settings |= {"weights": str(path)}
    import_weights(settings, 0, 5, tmp_path / "w.pt", tmp_path / "c.json", image_size=8)
    network = load_network(
        "net", read_network(settings), tmp_path / "w.pt", classes=5, image_size=8
    )
    return network.module.state_dict()


def assert_same(found: State, expected: State) -> None:
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert torch.equal(found[key], value.to(found[key].dtype)), key


def prefixed(start: str) -> Callable[[State], State]:
    return lambda state: {start + key: value for key, value in state.items()}


@pytest.mark.parametrize(
    "wrap",
    [
        *map(prefixed, ["", "module.", "_orig_mod.", "model.", "module._orig_mod.", "net.model."]),
        lambda state: {key.replace("stem.", "stem._orig_mod."): v for key, v in state.items()},
        lambda state: dict(sorted(state.items())),
        lambda state: prefixed("module.")(state) | {"n_averaged": torch.tensor(3)},
        lambda state: state | {"total_ops": torch.zeros(1), "stem.total_params": torch.zeros(1)},
        lambda state: {"state_dict": state, "epoch": 3, "best": 0.9, "arch": "small"},
        lambda state: {"model": state, "opt": {"state": {0: {"exp_avg": torch.ones(2)}}}},
        lambda state: {"model_state_dict": state, "optimizer_state_dict": {"lr": 1.0}},
        lambda state: {"model_state": state, "args": argparse.Namespace(lr=1)},
        lambda state: {"net": prefixed("module.")(state), "acc": np.float64(93.1), "epoch": 1},
        lambda state: {"state_dict_ema": state},
        lambda state: {"model": state, "losses": np.ones(3), "when": datetime(2026, 1, 1)},
        lambda state: {"checkpoint": {"model": {"weights": state}}},
        lambda state: {  # of Lightning: a loss with weights beside the network
            "state_dict": prefixed("net.")(state) | {"loss.weight": torch.ones(5)},
            "hyper_parameters": {"lr": 0.1},
            "callbacks": {},
        },
        lambda state: {"model": state, "ema": state},  # the same twice
        lambda state: state | {"epoch": 3},
    ],
)
def test_checkpoints_are_read_however_they_are_wrapped(
    tmp_path: Path, wrap: Callable[[State], Any]
) -> None:
    state = drawn().state_dict()
    assert_same(taken(tmp_path, wrap(state)), state)


def test_an_averaged_model_is_read(tmp_path: Path) -> None:
    module = drawn()
    assert_same(taken(tmp_path, AveragedModel(module).state_dict()), module.state_dict())


@pytest.mark.parametrize("start", ["module.", "", "module.module."])
def test_a_network_inside_a_wrapper_is_read_and_its_own_file_read_again(
    tmp_path: Path, start: str
) -> None:
    state = drawn().state_dict()
    found = taken(tmp_path, prefixed(start)(state), factory="Wrapped")
    assert_same(found, prefixed("module.")(state))


def test_a_factory_of_a_parallel_network_takes_files_of_the_plain_one(tmp_path: Path) -> None:
    state = drawn().state_dict()
    assert_same(taken(tmp_path, state, factory="parallel"), state)


def test_counts_of_batches_may_be_missing(tmp_path: Path) -> None:
    state = drawn().state_dict()
    del state["norm.num_batches_tracked"]
    assert_same(taken(tmp_path, state), state | {"norm.num_batches_tracked": torch.tensor(0)})


def test_a_tensor_of_two_names_may_be_there_once(tmp_path: Path) -> None:
    state = drawn(Tied).state_dict()
    lean = {key: value for key, value in state.items() if key != "two.weight"}
    assert_same(taken(tmp_path, lean, factory="Tied"), state)


def test_lazy_modules_learn_their_shapes_before_they_are_filled(tmp_path: Path) -> None:
    module = drawn(lazy)
    module(torch.zeros(1, 3, 8, 8))
    assert_same(taken(tmp_path, module.state_dict(), factory="lazy"), module.state_dict())


def test_parametrised_weights_are_read(tmp_path: Path) -> None:
    state = drawn(Parametrised).state_dict()
    assert_same(taken(tmp_path, state, factory="Parametrised"), state)


def test_safetensors_are_read_under_any_name(tmp_path: Path) -> None:
    state = drawn().state_dict()
    for name in ("own.safetensors", "own.bin"):
        save_file(state, tmp_path / name)
        assert_same(taken(tmp_path, tmp_path / name), state)
        shapes = read_candidates(tmp_path / name, values=False)[""]
        assert {key: value.shape for key, value in shapes.items()} == {
            key: value.shape for key, value in state.items()
        }
        assert all(value.is_meta for value in shapes.values())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_converted(tmp_path: Path, dtype: torch.dtype) -> None:
    state = {
        key: value.to(dtype) if value.is_floating_point() else value
        for key, value in drawn().state_dict().items()
    }
    found = taken(tmp_path, state)
    assert found["stem.weight"].dtype == torch.float32
    assert_same(found, state)


class Extra(nn.Linear):
    """State that is no tensor."""

    def get_extra_state(self) -> dict[str, int]:
        """Return it."""
        return {"calls": 1}

    def set_extra_state(self, state: Any) -> None:
        """Ignore it."""


def test_state_that_is_no_tensor_is_refused(tmp_path: Path) -> None:
    settings = {"name": "net", "kind": "python", "factory": f"{__name__}:Extra"}
    settings |= {"arguments": {"in_features": 3, "out_features": 2}}
    with pytest.raises(ConfigError, match=r"Extra: _extra_state of its state dict is dict and"):
        import_weights(settings, 0, 5, tmp_path / "w.pt", tmp_path / "c.json", image_size=8)


def test_what_was_taken_of_a_file_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    taken(tmp_path, {"ema": {"module": drawn().state_dict()}})
    assert "the weights below ema.module in it" in caplog.text
    assert "normalised with mean (0.0, 0.0, 0.0) and std (1.0, 1.0, 1.0)" in caplog.text


def other(state: State) -> State:
    return {key: value + 1 for key, value in state.items()}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            lambda state: {"state_dict": state, "state_dict_ema": other(state)},
            r"several networks in it fit: state_dict, state_dict_ema\. Save the one",
        ),
        (
            lambda state: prefixed("student.")(state) | prefixed("teacher.")(other(state)),
            r"several networks in it fit: student, teacher\. Save the one",
        ),
        (lambda _: {}, "holds no named tensors, so no state dict"),
        (lambda _: {"epoch": 3}, "holds no named tensors, so no state dict"),
        (
            lambda state: prefixed("module.")({k: v for k, v in state.items() if k < "stem"}),
            r"do not fit Small\. missing: stem\.weight \(2 in all\)\. Check",
        ),
        (lambda state: state | {"more.weight": torch.ones(1)}, r"unexpected: more\.weight \(1 in"),
        (
            lambda state: state | {"classifier.weight": torch.ones(7, 4)},
            r"of another shape: classifier\.weight \(7, 4\) for \(5, 4\)",
        ),
        (
            lambda state: state | {"stem.weight": state["stem.weight"].to(torch.int8)},
            r"stem\.weight holds int8, and the network computes in float32\. Take",
        ),
        (
            lambda state: (
                state
                | {"stem.bias": torch.quantize_per_tensor(state["stem.bias"], 1.0, 0, torch.qint8)}
            ),
            r"stem\.bias holds qint8, and the network",
        ),
        (
            lambda state: state | {"stem.bias": state["stem.bias"] * torch.nan},
            r"stem\.bias holds values that are no numbers \(NaN\)",
        ),
        (
            lambda state: state | {"stem.bias": state["stem.bias"].to_sparse()},
            r"stem\.bias holds sparse_coo, and the network",
        ),
        (lambda _: nn.Linear(1, 1), r"it holds torch\.nn\.modules\.linear\.Linear, objects that"),
    ],
)
@pytest.mark.filterwarnings(
    "ignore:torch.quantize_per_tensor", "ignore:TypedStorage", "ignore:Valid"
)
def test_what_does_not_fit_is_refused_in_one_line(
    tmp_path: Path, content: Callable[[State], Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=rf"own\.pt: .*{message}") as raised:
        taken(tmp_path, content(drawn().state_dict()))
    assert "\n" not in str(raised.value)


def as_array(path: Path) -> None:
    np.savez(path, weight=np.ones(3))


def script(path: Path) -> None:
    torch.jit.trace(nn.Linear(1, 1), torch.zeros(1, 1)).save(path)


@pytest.mark.filterwarnings("ignore:.*torch.jit", "ignore:.*TorchScript")
@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("w.npz", as_array, "an archive of NumPy; a state dict"),
        ("w.npy", lambda path: np.save(path, np.ones(3)), "an array of NumPy; a state dict"),
        ("w.h5", lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n"), "an HDF5 file, as Keras"),
        (
            "model.safetensors.index.json",
            lambda path: path.write_text(json.dumps({"weight_map": {}})),
            "text, as the index of weights in several files is",
        ),
        (
            "w.pt",
            lambda path: path.write_text("version https://git-lfs.gi"),
            "a pointer of Git LFS. Fetch",
        ),
        ("w.pth", lambda path: path.write_text("<!DOCTYPE html>"), "a web page; a state dict"),
        ("w.pt.gz", lambda path: path.write_bytes(gzip.compress(b"tensors")), "compressed. Unp"),
        ("w.safetensors", lambda path: path.write_bytes(b"\x08\0\0\0\0\0\0\0{}"), "a damaged saf"),
        ("w.pt", script, "a module of TorchScript, not a plain state dict"),
        ("w.pt", lambda path: path.write_bytes(b"\x80\x02no"), r"not a plain .* damaged\. Save"),
        ("w.pt", lambda path: path.write_bytes(b""), "not a plain state dict, or damaged"),
        ("w.pt", lambda path: path.mkdir(), "a folder. Name the file of weights in it"),
    ],
)
def test_other_files_are_called_what_they_are(
    tmp_path: Path, name: str, write: Callable[[Path], Any], message: str
) -> None:
    write(tmp_path / name)
    with pytest.raises(ConfigError, match=rf"{name}: {message}"):
        taken(tmp_path, tmp_path / name)


def test_weights_that_unpack_to_far_more_than_they_are_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"weight": torch.zeros(10**6)}, tmp_path / "plain.pt")
    packed = tmp_path / "w.pt"
    with (
        zipfile.ZipFile(tmp_path / "plain.pt") as plain,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in plain.namelist():
            archive.writestr(name, plain.read(name))
    assert read_tensors(packed)["weight"].shape == (10**6,)  # small enough to do no harm
    monkeypatch.setattr("actsense.networks.state.UNPACKED", 10**6)
    for values in (True, False):
        with pytest.raises(ValueError, match=r"unpacks to 0\.0 GB, \d+ times its size"):
            read_tensors(packed, values=values)
    assert read_tensors(tmp_path / "plain.pt")["weight"].shape == (10**6,)
