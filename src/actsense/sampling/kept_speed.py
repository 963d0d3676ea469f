"""The speed of networks as a recorded fact of a study, which decides how jobs are cut.

Shards are cut when the workflow is read, on whatever machine that is; so the cut follows from a
file of the study and never from the machine. The file is written once, before the network is
first sampled, and afterwards left alone: another cut would make its replicates again.
"""

__all__ = ["keep_speed", "kept_speeds", "speed_file", "unmeasured"]

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actsense.errors import ConfigError
from actsense.layout import make_command
from actsense.store import replacing

SAMPLED = ("moments", "shards")  # folders of a design that there are once sampling has begun


def speed_file(results: Path, network: str) -> Path:
    """Return where the speed of a network is kept.

    Arguments:
        results: Folder of the study's results.
        network: Name of the network.
    """
    return results / network / "speed.json"


def keep_speed(results: Path, network: str, speeds: Mapping[str, float], device: str) -> None:
    """Write down how fast a network is.

    Arguments:
        results: Folder of the study's results.
        network: Name of the network.
        speeds: Images per second by design.
        device: Where it was measured, in words.
    """
    rounded = {design: float(f"{speed:.3g}") for design, speed in speeds.items()}
    with replacing(speed_file(results, network)) as beside:
        facts = {"images_per_second": rounded, "device": device}
        beside.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def kept_speeds(results: Path, network: str) -> dict[str, Any]:
    """Return what is written down: `images_per_second` by design and `device`; or nothing.

    Arguments:
        results: Folder of the study's results.
        network: Name of the network.

    Raises:
        ConfigError: If the file holds anything else.
    """
    path = speed_file(results, network)
    try:
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        speeds = known["images_per_second"].values()
        if not speeds or min(speeds) <= 0 or not isinstance(known["device"], str):
            raise ValueError("no speeds above 0")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path}: not a speed as the target `plan` keeps it ({error}). Put it back as it was, "
            "or delete it: if nothing is sampled yet, it is measured again by "
            f"{make_command('plan', path)}"
        ) from error
    return known


def unmeasured(results: Path, networks: Mapping[str, Any]) -> list[str]:
    """Name the networks whose speed nobody states or has measured, and that are not sampled yet.

    Arguments:
        results: Folder of the study's results.
        networks: Their settings by name.
    """
    return [
        name
        for name, settings in networks.items()
        if settings.images_per_second is None
        and not speed_file(results, name).exists()
        and not any(any(results.glob(f"{name}/*/{folder}/*")) for folder in SAMPLED)
    ]
