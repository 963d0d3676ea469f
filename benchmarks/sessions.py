"""Several people at one explorer at once, on results as large as AlexNet's, without browsers.

Every session is a connection like a browser's. An interaction is a new link; it takes from the
moment that it is sent until the server says that the page is made.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from tornado.websocket import WebSocketClientConnection, websocket_connect

from benchmarks.explorer import serving
from benchmarks.made_results import FACTORS, LAYERS, make_study
from benchmarks.measure import Measurement

SESSIONS = 8
INTERACTIONS = 25  # of every session: 200 in all
PAUSE = 1.0  # seconds that somebody looks at the page, on average
VIEWS = ("units", "units", "units", "images", "contrast", "compare", "masking")
FINISHED = ForwardMsg.ScriptFinishedStatus.FINISHED_SUCCESSFULLY


def measurements() -> Iterator[Measurement]:
    """Measure how long eight sessions wait for their pages, and what they hold."""
    with tempfile.TemporaryDirectory() as folder:
        make_study(Path(folder) / "alexnet")
        with serving(Path(folder)) as address:
            first, half = (asyncio.run(_together(address, seed)) for seed in (0, 1))
            before = _held()
            second = asyncio.run(_together(address, 2))
            grown = _held() - before
    seconds = [*half, *second]
    busy = f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    yield Measurement(
        "explorer_eight_sessions_median",
        statistics.median(seconds),
        1,
        0.5,
        "s",
        f"{SESSIONS} sessions at once, {len(seconds)} links with {PAUSE:g} s between them, from "
        f"the request to the end of the script; {busy}",
    )
    yield Measurement(
        "explorer_eight_sessions_worst",
        max(seconds),
        3,
        1.5,
        "s",
        f"the slowest of them; while the server was cold, {max(first):.1f} s; {busy}",
    )
    yield Measurement(
        "explorer_memory_growth",
        grown / 1e6,
        50,
        10,
        "MB",
        f"of the server over {len(second)} interactions after {len(first) + len(half)} others",
    )


async def _together(address: str, seed: int) -> list[float]:
    """Return the seconds of every interaction of all sessions."""
    found = await asyncio.gather(
        *(_session(address, np.random.default_rng([seed, k])) for k in range(SESSIONS))
    )
    return [seconds for one in found for seconds in one]


async def _session(address: str, rng: np.random.Generator) -> list[float]:
    url = f"{address.replace('http', 'ws', 1)}/_stcore/stream"
    connection = await websocket_connect(url, max_message_size=2**30)
    seconds = []
    for _ in range(INTERACTIONS):
        seconds.append(await _shown(connection, _link(rng)))
        await asyncio.sleep(rng.exponential(PAUSE))
    connection.close()
    return seconds


async def _shown(connection: WebSocketClientConnection, link: Mapping[str, str]) -> float:
    message = BackMsg()
    message.rerun_script.query_string = urlencode(link)
    start = time.perf_counter()
    await connection.write_message(message.SerializeToString(), binary=True)
    while True:
        received = await connection.read_message()
        assert isinstance(received, bytes), "the server closed the connection"
        answer = ForwardMsg.FromString(received)
        if answer.WhichOneof("type") == "script_finished":
            assert answer.script_finished == FINISHED, answer
            return time.perf_counter() - start


def _link(rng: np.random.Generator) -> dict[str, str]:
    """Draw a page that somebody may want to see."""
    layer = str(rng.choice([*LAYERS]))
    channels = LAYERS[layer][0]
    axis = "channel" if len(LAYERS[layer]) > 1 else "unit"
    return {
        "study": "alexnet",
        "view": str(rng.choice(VIEWS)),
        "layer": layer,
        "factor": str(rng.choice(FACTORS)),
        axis: str(rng.integers(channels)),
    }


def _held() -> int:
    """Return the bytes that the server holds."""
    children = psutil.Process().children(recursive=True)
    return sum(process.memory_info().rss for process in children)
