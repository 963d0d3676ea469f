"""A few digits, a network with random weights, and what the jobs of invariances make of them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import xarray as xr
from opened import DIGITS

from actsense.data.cache import ImageCache
from actsense.invariance import settings as sections
from actsense.invariance.autoencoder.architectures import Autoencoder
from actsense.invariance.autoencoder.opening import open_autoencoder
from actsense.invariance.evaluate.autoencoder import write_autoencoder
from actsense.invariance.evaluate.flows import write_flow
from actsense.invariance.evaluate.kept import Judge, LayerFiles, write_invariances
from actsense.invariance.evaluate.representations import in_state, write_representations
from actsense.invariance.factors import training
from actsense.invariance.factors.evaluate.explain import Place, write_explained
from actsense.invariance.factors.evaluate.train import write_factors
from actsense.invariance.flow.settings import FlowSettings
from actsense.invariance.recorded import latent_rows
from actsense.invariance.stored import StoredInvariances
from actsense.networks.opening import open_subject
from actsense.networks.subject import Subject
from actsense.store import read_facts, read_results

CPU = torch.device("cpu")
SEED, STATES, LAYERS = 3, ("trained", "random"), ("stage2", "logits")
JUDGED_BY = "stage1"  # of the network itself
SETTINGS = sections.Invariance.model_validate(
    {
        **{"images": 40, "validation": 24, "anchors": 10, "samples": 3, "inverted": 2, "rank": 1},
        "inversion": {"iterations": 2},
        "autoencoder": {"latent": 4, "width": 1, "epochs": 2, "batch_size": 16},
    }
)
FLOW = FlowSettings.model_validate(
    {
        **{"blocks": 2, "width": 8, "embedder": {"channels": 4, "depth": 2}},
        "training": {"steps": 6, "batch_size": 16, "check_every": 2},
    }
)
FACTORS = sections.Factors.model_validate(
    {"concepts": "digits", "pairs": 10, "flow": FLOW.plain()}
)
PARTS = {"digit": 1, "background": 1, "residual": 2}  # which so few pairs do not tell


@dataclass(frozen=True)
class InvarianceWorld:
    """Jobs, each on any device; those before it were done on the CPU.

    Arguments:
        folder: Where jobs find what was made before.
        files: Paths of `images`, `manifest` and `weights`.
        settings: What the network is opened with.
    """

    folder: Path
    files: SimpleNamespace
    settings: dict[str, Any]

    @classmethod
    def made(cls, folder: Path, files: SimpleNamespace, network: dict[str, Any]) -> Any:
        """Do all jobs but the last."""
        folder.mkdir(exist_ok=True)
        settings = {"network": ["one", network], "seed": SEED, "precision": "float32"}
        made = cls(folder, files, settings)
        made.autoencoder(folder)
        for state in STATES:
            made.represent(folder, state)
            for layer in LAYERS:
                made.flow(folder, state, layer)
        return made

    def path(self, name: str) -> Path:
        """Return the path of what jobs made."""
        return self.folder / name

    @cached_property
    def cache(self) -> ImageCache:
        """Open the images."""
        return ImageCache.open(self.files.images, self.files.manifest)

    @cached_property
    def subject(self) -> Subject:
        """Open the network on the CPU."""
        return self.opened(CPU)

    @cached_property
    def trained(self) -> Autoencoder:
        """Open the autoencoder on the CPU."""
        return self.coder(CPU)

    def coder(self, device: torch.device) -> Autoencoder:
        """Open the autoencoder."""
        return open_autoencoder(self.path("autoencoder.pt"), device=device)

    def opened(self, device: torch.device) -> Subject:
        """Open the network."""
        files = self.files.images, self.files.manifest, self.files.weights
        return open_subject(*files, self.settings, batch_size=32, device=device)

    def autoencoder(self, folder: Path, device: torch.device = CPU) -> tuple[Path, Path]:
        """Train with the network itself as judge; returns paths of autoencoder and latents."""
        made = folder / "autoencoder.pt", folder / "latents.zarr"
        write_autoencoder(
            *(*made, self.cache, self.opened(device), [JUDGED_BY], SETTINGS),
            **{"seed": SEED, "device": device, "batch_size": 32},
        )
        return made

    def represent(self, folder: Path, state: str, device: torch.device = CPU) -> tuple[Path, Path]:
        """Record a state; returns paths of representations and of the autoencoder's card."""
        made = folder / f"{state}.zarr", folder / f"{state}.json"
        write_representations(
            *(*made, in_state(self.opened(device), self.settings, state)),
            self.coder(device),
            *(latent_rows(self.path("latents.zarr")), LAYERS),
            **{"state": state, "attributes": {"weights_sha256": "w"}},
        )
        return made

    def flow(
        self,
        folder: Path,
        state: str = "trained",
        layer: str = "logits",
        device: torch.device = CPU,
    ) -> Path:
        """Train the flow of a layer; returns its path, with the card beside it."""
        path = folder / f"{state}_{layer}.pt"
        write_flow(
            *(path, path.with_suffix(".json"), self.path("latents.zarr")),
            *(self.path(f"{state}.zarr"), layer, FLOW),
            **{"seed": SEED, "device": device, "attributes": {"state": state}},
        )
        return path

    def layers(self) -> list[LayerFiles]:
        """List what was made of all layers."""
        flows = [self.path(f"{state}_{layer}.pt") for state in STATES for layer in LAYERS]
        inputs = SimpleNamespace(
            faithful=[str(self.path(f"{state}.json")) for state in STATES],
            flows=[*map(str, flows)],
            cards=[str(path.with_suffix(".json")) for path in flows],
        )
        return LayerFiles.listed({state: [*LAYERS] for state in STATES}, inputs)

    def measure(
        self, path: Path, device: torch.device = CPU, *, judge: bool = True, **changes: Any
    ) -> StoredInvariances:
        """Write the store of what is kept, and open it."""
        given: dict[str, Any] = {"augmentations": ["brightness", "hflip"], "settings": SETTINGS}
        given |= {"count": None} | changes
        subject = self.subject if device == CPU else self.opened(device)
        subjects = {state: in_state(subject, self.settings, state) for state in STATES}
        write_invariances(
            *(path, subjects, Judge(subject, JUDGED_BY) if judge else None),
            self.coder(device),
            *(self.path("latents.zarr"), self.layers()[: given["count"]]),
            *(given["augmentations"], given["settings"]),
            **{"seed": SEED, "attributes": {"from": "test"}},
        )
        return StoredInvariances.open(path)

    def factors(self, folder: Path, device: torch.device = CPU) -> tuple[Path, dict[str, Any]]:
        """Train factors of pairs that are made and encoded; returns their path and their card."""
        outputs = {name: folder / f"factors.{name}" for name in ("factors", "card")}
        inputs = {
            "autoencoder": self.path("autoencoder.pt"),
            "manifest": Path(self.files.manifest),
        }
        given: dict[str, Any] = {"dataset": DIGITS.plain(), "study": {}, "precision": "float32"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(training, "factor_sizes", lambda *_: PARTS)
            write_factors(
                *(outputs, inputs, FACTORS), **given, seed=SEED, device=device, batch_size=32
            )
        return outputs["factors"], read_facts(outputs["card"])

    @cached_property
    def trained_factors(self) -> Path:
        """Factors that were trained on the CPU."""
        return self.factors(self.folder)[0]

    def explain(self, path: Path, device: torch.device = CPU) -> xr.DataTree:
        """Write the store of what layers keep of concepts, and open it."""
        inputs = {"autoencoder": self.path("autoencoder.pt"), "factors": self.trained_factors}
        inputs |= {"latents": self.path("latents.zarr")}
        places = [
            Place(state, layer, None, *map(self.path, (f"{state}_{layer}.pt", f"{state}.json")))
            for state, layer in zip(STATES, LAYERS, strict=True)
        ]
        write_explained(
            *(path, self.opened(device), self.settings, inputs, places),
            **{"checkpoints": [], "anchors": 8, "samples": 3, "seed": SEED, "attributes": {}},
        )
        return read_results(path)
