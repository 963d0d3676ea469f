"""Run the benchmarks, all or those named, print a table, write results/bench.json."""

import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import torch

from benchmarks import (
    alexnet,
    contrast,
    convergence,
    correlation,
    coverage,
    demo,
    dryrun,
    explorer,
    features,
    featvis,
    flow,
    gpu,
    imports,
    masking,
    memory,
    peers,
    photographs,
    region_weights,
    sessions,
    spatial,
    storage,
)

OUTPUT = Path("results/bench.json")
MODULES = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        peers,
        alexnet,
        contrast,
        correlation,
        coverage,
        convergence,
        masking,
        spatial,
        features,
        featvis,
        flow,
        region_weights,
        storage,
        gpu,
        memory,
        demo,
        photographs,
        imports,
        dryrun,
        explorer,
        sessions,
    )
}
# What stands for a module where nobody asked for it by name.
SKETCHES = {"coverage": coverage.sketch, "convergence": convergence.sketch}


def main() -> None:
    torch.set_num_threads(2)
    works = {name: MODULES[name].measurements for name in sys.argv[1:] or MODULES}
    works |= {} if sys.argv[1:] else SKETCHES
    results = json.loads(OUTPUT.read_text()) if sys.argv[1:] and OUTPUT.exists() else {}
    print(f"{'what':42} {'value':>9} {'target':>8} {'aim':>8}  met     unit", flush=True)
    for work in works.values():
        for m in work():
            results[m.name] = m.entry()
            print(
                f"{m.name:42} {m.value:9.3f} {m.target:8g} {m.aim:8g}  {m.met():7} {m.unit}\n"
                f"    {m.how}",
                flush=True,
            )
    results["machine"] = {
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": version("torch"),
    }
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(results, indent=2))
    print(f"Written to {OUTPUT}")


if __name__ == "__main__":
    main()
