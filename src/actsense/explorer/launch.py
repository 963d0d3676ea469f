"""Start the explorer's server on this machine and end with it."""

__all__ = ["explore"]

import signal
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from actsense.errors import ConfigError

APP = Path(__file__).with_name("app.py")
SETTINGS = {
    "server.address": "localhost",
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",  # the terminal has them
    "theme.base": "light",  # pictures and charts are made for it
    "runner.magicEnabled": "false",
}


def explore(path: Path, *, port: int | None = None, open_browser: bool = True) -> int:
    """Serve the explorer of some results until Ctrl-C.

    Arguments:
        path: Folder of a study, or of several studies.
        port: Where to listen; a free one if None.
        open_browser: Whether to open the page in the browser.

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
    if port is not None and not _is_free(port):
        raise ConfigError(f"--port: {port} is taken. Give another one, or none for a free one.")
    settings = SETTINGS | {"server.headless": "false" if open_browser else "true"}
    settings["server.port"] = str(port or _free_port())
    command = [sys.executable, "-m", "streamlit", "run", str(APP)]
    command += [f"--{name}={value}" for name, value in settings.items()]
    server = subprocess.Popen([*command, "--", str(path.resolve())])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        server.terminate()
        server.wait()


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("localhost", port))
        except (OSError, OverflowError):
            return False
    return True


def _free_port() -> int:
    """Return Streamlit's own port, or the next that is free."""
    return next(port for port in range(8501, 8600) if _is_free(port))
