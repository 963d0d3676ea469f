"""The command line as a whole: what it lists, and what it says of itself."""

from importlib.metadata import version

import pytest

from actsense.__main__ import COMMANDS, main


def test_without_a_command_it_lists_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    listed = capsys.readouterr().out
    assert all(command.SUMMARY.split()[0] in listed for command in COMMANDS)
    assert "plot-shuffle" in listed


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"actsense {version('actsense')}\n"
