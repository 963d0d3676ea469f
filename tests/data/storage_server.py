"""A server that behaves like Kaggle, the storage behind it, and a plain file server.

Kaggle's half speaks as the kaggle package 2.2 expects: it checks a token, refuses users who
have not accepted the rules, and redirects to a signed address on another host.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import google_crc32c

TOKEN = "very-secret-token"
USER, KEY = "somebody", "very-secret-key"
SIGNATURE = "very-secret-signature"
SECRETS = (TOKEN, KEY, SIGNATURE, base64.b64encode(f"{USER}:{KEY}".encode()).decode())
RULES = "You must accept this competition's rules before you'll be able to download files."


@dataclass
class Storage:
    """What the server has, how it misbehaves, and what it was asked.

    Attributes:
        files: Content by path.
        cuts: Bytes after which the next transfers are cut; None for not at all.
        answers: Statuses with which the next transfers are refused; None for not at all.
        hashes: Algorithms named in `x-goog-hash`.
        wrong_hash: Whether these hashes are those of something else.
        ranges: Whether parts of a file can be had.
        refusals: Number of requests to Kaggle before the rules are accepted.
        address: Of the server.
        transfers: Path, the header Range and bytes sent of each transfer, without Kaggle's own.
        authorizations: The header of each transfer.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int | None] = field(default_factory=list)
    answers: list[int | None] = field(default_factory=list)
    hashes: tuple[str, ...] = ("crc32c", "md5")
    wrong_hash: bool = False
    ranges: bool = True
    refusals: int = 0
    address: str = ""
    transfers: list[tuple[str, str | None, int]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)

    def hash_headers(self, content: bytes) -> list[str]:
        """Return the values of `x-goog-hash` of a file."""
        content = b"other" if self.wrong_hash else content
        digests = {
            "md5": hashlib.md5(content).digest(),
            "crc32c": google_crc32c.Checksum(content).digest(),
        }
        return [f"{name}={base64.b64encode(digests[name]).decode()}" for name in self.hashes]


class Handler(BaseHTTPRequestHandler):
    """One request; `storage` is set by `serve`."""

    storage: Storage
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        """Answer requests until the client has enough."""
        with suppress(ConnectionError):  # Kaggle's client does not read what it asked for
            super().handle()

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer as Kaggle."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("IntrospectToken"):
            active = asked["token"] == TOKEN
            self._json(200, {"active": active, "username": USER if active else ""})
        elif not self._authorized():
            self._json(401, {"code": 401, "message": "Unauthenticated"})
        elif self.storage.refusals:
            self.storage.refusals -= 1
            self._json(403, {"code": 403, "message": RULES})
        else:
            self._redirect(f"/bundle/archive.zip?Signature={SIGNATURE}")

    def do_GET(self) -> None:
        """Answer as a server of files; only the signed address of the bundle is good."""
        path, _, query = self.path.partition("?")
        ours = self.headers["User-Agent"].startswith("Python-urllib")
        signed = SIGNATURE in query or not path.startswith("/bundle")
        if path == "/moved":
            self._redirect("/val_256.tar")
        elif path not in self.storage.files or not signed:
            self._json(404, {})
        elif ours and self.storage.answers and (status := self.storage.answers.pop(0)):
            self._json(status, {})
        else:
            self._send(path, ours)

    def _send(self, path: str, ours: bool) -> None:
        content = self.storage.files[path]
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        asked = self.headers["Range"]
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if not self.storage.ranges or self.headers["If-Range"] not in (None, tag):
            start = 0
        self.send_response(206 if start else 200)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        for value in self.storage.hash_headers(content):
            self.send_header("x-goog-hash", value)
        self.end_headers()
        cut = self.storage.cuts.pop(0) if ours and self.storage.cuts else None
        sent = content[start:] if cut is None else content[start : start + cut]
        if ours:
            self.storage.transfers.append((path, asked, len(sent)))
            self.storage.authorizations.append(self.headers["Authorization"])
        self.wfile.write(sent)
        self.close_connection = cut is not None

    def _authorized(self) -> bool:
        basic = base64.b64encode(f"{USER}:{KEY}".encode()).decode()
        return self.headers["Authorization"] in (f"Bearer {TOKEN}", f"Basic {basic}")

    def _redirect(self, path: str) -> None:
        """Lead on to what counts as another host."""
        self.send_response(302)
        place = self.storage.address.replace("127.0.0.1", "localhost")
        self.send_header("Location", place + path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _json(self, status: int, content: dict[str, Any]) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@contextmanager
def serve() -> Iterator[Storage]:
    """Run the server; yield what it has, to be filled."""
    storage = Storage()
    handler = type("Serving", (Handler,), {"storage": storage})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        storage.address = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield storage
        running.shutdown()
        thread.join()
