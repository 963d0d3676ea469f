"""Start the explorer's server on this machine, show its page, and end with it."""

__all__ = ["explore"]

import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from actsense.errors import ConfigError

APP = Path(__file__).with_name("app.py")
SETTINGS = {
    "server.address": "localhost",
    "server.fileWatcherType": "none",
    # Otherwise a new account is asked for an address of its owner before anything is served.
    "server.headless": "true",
    "logger.level": "warning",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",  # the terminal has them
    "theme.base": "light",  # pictures and charts are made for it
    "runner.magicEnabled": "false",
}
LAST_PORT = 65535
PORTS = range(8501, 8600)  # the first is Streamlit's own
WAIT = 0.1  # seconds between two looks at the port


def explore(path: Path, *, port: int | None = None, open_browser: bool = True) -> int:
    """Serve the explorer of some results until Ctrl-C.

    Arguments:
        path: Folder of a study, or of several studies.
        port: Where to listen; a free one if None.
        open_browser: Whether to open the page in the browser, where there is one.

    Returns:
        Exit status of the server, 0 after Ctrl-C.

    Raises:
        ConfigError: If there is no study, Streamlit is missing, or the port is taken.
    """
    if find_spec("streamlit") is None:
        raise ConfigError(
            "The explorer needs Streamlit, which is not installed here. "
            "`make explore` installs all that it needs."
        )
    from actsense.explorer.studies import find_studies

    find_studies(path)
    port = _free_port(port)
    command = [sys.executable, "-m", "actsense.explorer.serve", "run", str(APP)]
    command += [f"--{name}={value}" for name, value in SETTINGS.items()]
    command += [f"--server.port={port}", "--", str(path.resolve())]
    # Out of reach of the terminal: it asks nothing, greets nobody, and Ctrl-C is for us alone.
    nothing = subprocess.DEVNULL
    server = subprocess.Popen(command, stdin=nothing, stdout=nothing, start_new_session=True)
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda *_: sys.exit(0))
    try:
        if _answers(port, server):
            address = f"http://localhost:{port}"
            print(f"The explorer is at {address} until Ctrl-C.", flush=True)
            if open_browser:
                _open(address)
        return server.wait()
    except KeyboardInterrupt:
        print(
            "\nThe explorer has ended; results are as they were. The same command opens it again."
        )
        return 0
    finally:
        server.terminate()
        server.wait()


def _answers(port: int, server: subprocess.Popen[bytes]) -> bool:
    """Wait until the server listens; tell whether it does, or has ended."""
    while server.poll() is None:
        with suppress(OSError), socket.create_connection(("localhost", port), timeout=WAIT):
            return True
        time.sleep(WAIT)
    return False


def _open(address: str) -> None:
    """Open a page, unless the only browser is one that would take this terminal."""
    with suppress(webbrowser.Error):
        browser = webbrowser.get()
        if "BROWSER" in os.environ or type(browser) is not webbrowser.GenericBrowser:
            browser.open(address)


def _free_port(wanted: int | None) -> int:
    for port in PORTS if wanted is None else [wanted]:
        if _is_free(port):
            return port
    if wanted is None:
        raise ConfigError(
            f"Ports {PORTS[0]} to {PORTS[-1]} are all taken. Give a free one with --port."
        )
    if not 0 < wanted <= LAST_PORT:
        raise ConfigError(f"--port: {wanted} is no port, from 1 to {LAST_PORT}.")
    raise ConfigError(f"--port: {wanted} is taken. Give another one, or none for a free one.")


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("localhost", port))
        except (OSError, OverflowError):
            return False
    return True
