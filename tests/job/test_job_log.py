"""What a job says, on the terminal and in its log."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import logging, sys
from actsense.errors import ConfigError
from actsense.job.log import logged
with logged(sys.argv[1]):
    logging.getLogger("x").warning("a %s", "\\x1b[31mred\\x1b]0;title\\x07\\u202e")
    {last}
"""


@pytest.mark.parametrize(
    "last", ["raise ConfigError('b \\x1b[2J')", "raise ValueError('b \\x1b[2J')"]
)
def test_no_name_commands_the_terminal(tmp_path: Path, last: str) -> None:
    command = [sys.executable, "-c", PROGRAM.format(last=last), str(tmp_path / "log")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    for said in (result.stderr, (tmp_path / "log").read_text()):
        assert r"a \x1b[31mred\x1b]0;title\x07\u202e" in said
        assert r"b \x1b[2J" in said
        assert not set("\x1b\x07\u202e") & set(said)
