"""The memory of the machine that a process runs on."""

__all__ = ["machine_memory"]

import os
from contextlib import suppress
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")  # where Linux keeps what containers and jobs may take
OWN = Path("/proc/self/cgroup")  # and which of them a process is in
LIMITS = ("memory.max", "memory.limit_in_bytes")  # of the second version and of the first


def machine_memory(groups: Path = GROUPS, own: Path = OWN) -> float:
    """Return the bytes that all processes may take: of the machine, or of container or job.

    Arguments:
        groups: Folder of the control groups.
        own: File that names those of this process, one a line, as `number:controllers:path`.
    """
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    lines = []
    with suppress(OSError):
        lines = own.read_text().splitlines()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top = groups / "memory" if controllers else groups
        inside = Path(path.lstrip("/"))
        for folder in (top / inside, *(top / above for above in inside.parents)):
            for name in LIMITS:
                with suppress(OSError, ValueError):  # `max`: as much as there is
                    found.append(int((folder / name).read_text()))
    return float(min(found))
