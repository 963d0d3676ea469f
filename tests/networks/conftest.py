import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from actsense.networks.compact import CompactNetwork
from actsense.networks.network import Network, load_network
from actsense.networks.settings import Trained
from actsense.networks.state import save_state


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Network:
    """Return the small network with random weights and lively batch statistics."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = CompactNetwork(10)
        with torch.no_grad():
            module(torch.rand(16, 3, 32, 32))  # moves the running statistics
    path = tmp_path_factory.mktemp("small") / "weights.pt"
    save_state(module, path)
    return load_network("small", Trained(), Path(path), classes=10, image_size=32)


class Quiet(SimpleHTTPRequestHandler):
    """A file server without its log."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serve `tmp_path/served` and yield its address."""
    (tmp_path / "served").mkdir()
    handler = partial(Quiet, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()
