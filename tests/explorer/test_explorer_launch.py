"""Starting the explorer in a terminal, as on a new account: no settings, nothing else at home."""

import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

BROWSERS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
PATIENCE = 60.0  # seconds
STUB = '#!/bin/sh\necho "$1" > "$0.new" && mv "$0.new" "$0.opened"\n'


class Terminal:
    """The explorer in a terminal of its own."""

    def __init__(self, *arguments: str, environment: dict[str, str]) -> None:
        self.end, other = pty.openpty()
        command = shlex.join([sys.executable, "-m", "actsense", "explore", *arguments])
        # The first process of a session that opens a terminal owns it: Ctrl-C reaches it there.
        terminal = f"0<>{os.ttyname(other)} 1>&0 2>&0"
        # Tests in the background of a shell ignore the key, and what they start would, too.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.process = subprocess.Popen(
            f"exec {command} {terminal}", shell=True, start_new_session=True, env=environment
        )
        self._other = other

    def line(self) -> str:
        """Wait for the next line; a question has no end of line."""
        text = b""
        while not text.endswith(b"\n"):
            assert select.select([self.end], [], [], PATIENCE)[0], text
            text += os.read(self.end, 1)
        return text.decode().strip()

    def end_by_key(self) -> tuple[int, str]:
        """Press Ctrl-C; return the exit status, and all that is said from then on."""
        os.write(self.end, b"\x03")
        status = self.process.wait(timeout=PATIENCE)
        os.set_blocking(self.end, False)
        return status, os.read(self.end, 10_000).decode()

    def close(self) -> None:
        """End what still runs."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
        os.close(self.end)
        os.close(self._other)


@pytest.fixture
def start(made: Path, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Return a function that starts the explorer where no browser is known."""
    started = []
    hidden = {name: value for name, value in os.environ.items() if name not in BROWSERS}

    def run(*arguments: str, **environment: str) -> Terminal:
        new = hidden | {"HOME": str(tmp_path), "TERM": "xterm"} | environment
        started.append(Terminal(str(made), *arguments, environment=new))
        return started[-1]

    yield run
    for terminal in started:
        terminal.close()


def served(line: str) -> str:
    """Return the address in the one line that is printed, where the page answers."""
    before, address, after = line.partition("http://localhost:")
    port, _, rest = after.partition(" ")
    assert before == "The explorer is at "
    assert rest == "until Ctrl-C."
    with urllib.request.urlopen(f"{address}{port}", timeout=PATIENCE) as answer:
        assert answer.status == 200
    return f"{address}{port}"


def browser(path: Path) -> Path:
    """Write a browser that keeps the address it is given, and return its path."""
    path.write_text(STUB)
    path.chmod(0o755)
    return path


def appears(path: Path) -> Path:
    """Wait for a file and return its path."""
    end = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < end, path
        time.sleep(0.05)
    return path


def test_a_new_account_without_browser_is_asked_nothing_and_told_one_line(
    start: Callable[..., Terminal], tmp_path: Path
) -> None:
    of_terminals = browser(tmp_path / "lynx")
    terminal = start(PATH=f"{tmp_path}:/usr/bin:/bin")
    served(terminal.line())
    status, said = terminal.end_by_key()
    assert status == 0
    assert said.replace("^C", "").strip().startswith("The explorer has ended;")
    assert said.strip().endswith("opens it again.")
    assert not of_terminals.with_suffix(".opened").exists()  # it would have taken the terminal


def test_the_page_is_opened_in_the_browser(start: Callable[..., Terminal], tmp_path: Path) -> None:
    own = browser(tmp_path / "browser")
    terminal = start(BROWSER=str(own))
    address = served(terminal.line())
    # The line stands before the browser is started, and Ctrl-C may come between the two.
    assert appears(own.with_suffix(".opened")).read_text().strip() == address
    assert terminal.end_by_key()[0] == 0
