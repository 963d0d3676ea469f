"""The memory of a machine is that of the container or the job that a process runs in."""

import os
from pathlib import Path

import pytest

from actsense.device.machine import machine_memory

WHOLE = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


@pytest.mark.parametrize(
    ("line", "limits", "expected"),
    [
        ("0::/a/job", {"a/job/memory.max": "max", "a/memory.max": "5000000"}, 5e6),
        ("0::/a/job", {"a/job/memory.max": "4000000", "memory.max": "9000000"}, 4e6),
        ("0::/", {"memory.max": "3000000"}, 3e6),
        ("0::/", {"memory.max": "max"}, WHOLE),
        ("0::/a", {"b/memory.max": "1"}, WHOLE),  # another's
        ("4:memory:/a", {"memory/a/memory.limit_in_bytes": "2000000"}, 2e6),
        ("4:cpu,memory:/a", {"memory/memory.limit_in_bytes": "2000000"}, 2e6),
        ("4:memory:/a", {"memory/a/memory.limit_in_bytes": "9223372036854771712"}, WHOLE),
        ("3:cpu:/a", {"memory/a/memory.limit_in_bytes": "1"}, WHOLE),
    ],
)
def test_the_lowest_limit_above_a_process_counts(
    tmp_path: Path, line: str, limits: dict[str, str], expected: float
) -> None:
    own = tmp_path / "cgroup"
    own.write_text(f"1:name=systemd:/x\n{line}\n")
    for path, limit in limits.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"{limit}\n")
    assert machine_memory(tmp_path, own) == expected


def test_a_machine_without_control_groups_has_all_its_memory(tmp_path: Path) -> None:
    assert machine_memory(tmp_path, tmp_path / "none") == WHOLE
    assert 0 < machine_memory() <= WHOLE
