"""Archives come whole, once, and without a word about who fetched them."""

import base64
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import traceback
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from kagglesdk import kaggle_env
from storage_server import KEY, SECRETS, TOKEN, USER, Storage, serve

from actsense.data import places
from actsense.data.downloads import dataset_archives, download_archive, missing_archives
from actsense.data.imagenet import ARCHIVE
from actsense.data.settings import Digits, ImageNet, Places365
from actsense.errors import ConfigError
from actsense.store.atomic import DiskFullError
from actsense.store.download import InterruptedDownloadError, Remote, download

REPOSITORY = Path(__file__).parents[2]
SCRIPT = REPOSITORY / "scripts/download_dataset.py"
CONTENT = np.random.default_rng(0).bytes(300_000)
BUNDLE = "/bundle/archive.zip"
Published = ImageNet | Places365
IMAGENET = ImageNet()
PLACES = Places365()


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """Serve one file of every kind, at an address that no proxy is asked for."""
    monkeypatch.setenv("no_proxy", "*")
    with serve() as running:
        running.files = {BUNDLE: CONTENT, "/val_256.tar": CONTENT}
        monkeypatch.setattr(places, "ADDRESS", f"{running.address}/")
        monkeypatch.setitem(places.ARCHIVES, "val_256.tar", hashlib.md5(CONTENT).hexdigest())
        yield running


@pytest.fixture
def home(tmp_path: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the Kaggle folder of a user without credentials, whose Kaggle is the server."""
    for name in [name for name in os.environ if name.startswith("KAGGLE_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "home" / ".kaggle"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(folder))
    endpoints = kaggle_env._env_to_endpoint
    monkeypatch.setitem(endpoints, kaggle_env.KaggleEnv.PROD, storage.address)
    import kaggle  # not before: it reads the environment, and asks Kaggle about a token

    monkeypatch.setattr(kaggle.api, "config", str(folder / "kaggle.json"))
    return folder


@pytest.fixture
def member(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the user a token."""
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)


def fetch(folder: Path, settings: Published = IMAGENET, *, attempts: int = 3) -> Path:
    archive = folder / "data" / (ARCHIVE if settings is IMAGENET else "val_256.tar")
    download_archive(settings, archive, attempts=attempts, pause=0)
    return archive


def refused(folder: Path, message: str, settings: Published = IMAGENET) -> None:
    """Check that a download fails with one line that matches, and tells no secret."""
    with pytest.raises(ConfigError, match=message) as caught:
        fetch(folder, settings)
    assert len(str(caught.value).splitlines()) == 1
    shown = "".join(traceback.format_exception(caught.value))
    assert not any(secret in shown for secret in SECRETS)


def beside(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "data").iterdir())


@pytest.mark.usefixtures("member")
def test_the_archive_is_that_of_the_server(tmp_path: Path, storage: Storage) -> None:
    assert fetch(tmp_path).read_bytes() == CONTENT
    assert beside(tmp_path) == [ARCHIVE]
    assert storage.transfers == [(BUNDLE, None, len(CONTENT))]


@pytest.mark.usefixtures("member")
@pytest.mark.parametrize("settings", [IMAGENET, PLACES], ids=lambda s: s.kind)
def test_after_a_cut_only_the_rest_is_transferred(
    tmp_path: Path, storage: Storage, settings: Published
) -> None:
    storage.cuts = [100_000, 150_000]
    assert fetch(tmp_path, settings).read_bytes() == CONTENT
    assert [sent for _, _, sent in storage.transfers] == [100_000, 150_000, 50_000]
    ranges = [asked for _, asked, _ in storage.transfers]
    assert ranges == [None, "bytes=100000-", "bytes=250000-"]


@pytest.mark.usefixtures("member")
def test_the_next_run_goes_on_where_this_one_ended(tmp_path: Path, storage: Storage) -> None:
    storage.cuts = [100_000, 0, 0, 0]
    refused(tmp_path, "the connection was cut.*goes on where it stopped")
    assert beside(tmp_path) == [f"{ARCHIVE}.partial", f"{ARCHIVE}.partial.json"]
    storage.transfers.clear()
    assert fetch(tmp_path).read_bytes() == CONTENT
    assert storage.transfers == [(BUNDLE, "bytes=100000-", 200_000)]


@pytest.mark.usefixtures("member")
def test_another_version_on_the_server_is_not_appended(tmp_path: Path, storage: Storage) -> None:
    storage.cuts = [100_000, 0, 0, 0]
    refused(tmp_path, "the connection was cut")
    storage.files[BUNDLE] = CONTENT[::-1]
    assert fetch(tmp_path).read_bytes() == CONTENT[::-1]


def test_a_server_that_cannot_resume_is_asked_for_everything(
    tmp_path: Path, storage: Storage
) -> None:
    storage.ranges, storage.cuts = False, [100_000]
    assert fetch(tmp_path, PLACES).read_bytes() == CONTENT
    assert [sent for _, _, sent in storage.transfers] == [100_000, 300_000]


@pytest.mark.usefixtures("member")
def test_an_expired_address_is_asked_for_again(tmp_path: Path, storage: Storage) -> None:
    storage.cuts, storage.answers = [100_000], [None, 403]
    assert fetch(tmp_path).read_bytes() == CONTENT
    assert storage.transfers[-1] == (BUNDLE, "bytes=100000-", 200_000)


@pytest.mark.usefixtures("member")
@pytest.mark.parametrize(("algorithm", "name"), [("md5", "MD5"), ("crc32c", "CRC-32C")])
def test_a_file_with_another_hash_is_deleted_and_downloaded_anew(
    tmp_path: Path, storage: Storage, algorithm: str, name: str
) -> None:
    storage.hashes, storage.wrong_hash = (algorithm,), True
    refused(tmp_path, rf"{ARCHIVE}: the download has the {name} .* deleted; run again")
    assert beside(tmp_path) == []
    storage.wrong_hash = False
    assert fetch(tmp_path).read_bytes() == CONTENT


def test_the_published_md5_is_checked(tmp_path: Path, storage: Storage) -> None:
    storage.files["/val_256.tar"] = CONTENT[:-1] + b"?"
    refused(tmp_path, r"val_256\.tar: the download has the MD5 .* deleted; run again", PLACES)
    storage.files["/val_256.tar"] = CONTENT
    assert fetch(tmp_path, PLACES).read_bytes() == CONTENT


def test_a_part_that_is_complete_is_checked_and_not_transferred(
    tmp_path: Path, storage: Storage
) -> None:
    archive = fetch(tmp_path, PLACES)
    archive.rename(f"{archive}.partial")  # killed between the last byte and the renaming
    facts = {"name": "", "size": len(CONTENT), "hashes": {}}
    Path(f"{archive}.partial.json").write_text(json.dumps(facts))
    storage.transfers.clear()
    assert fetch(tmp_path, PLACES).read_bytes() == CONTENT
    assert storage.transfers == []


def test_a_file_that_is_there_is_left_alone(tmp_path: Path, storage: Storage) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "val_256.tar").write_bytes(b"mine")
    assert fetch(tmp_path, PLACES).read_bytes() == b"mine"
    assert storage.transfers == []


@pytest.mark.usefixtures("home")
def test_missing_credentials_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(tmp_path, r"no valid ones were found\. Set KAGGLE_API_TOKEN, or KAGGLE_USERNAME and")
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("home")
def test_an_unknown_token_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "wrong")
    refused(tmp_path, "Kaggle credentials: no valid ones were found")


@pytest.mark.usefixtures("home")
def test_a_wrong_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", USER)
    monkeypatch.setenv("KAGGLE_KEY", "wrong")
    refused(tmp_path, "Kaggle credentials: Kaggle does not accept them")


@pytest.mark.usefixtures("member")
def test_the_rules_must_be_accepted(tmp_path: Path, storage: Storage) -> None:
    storage.refusals = 1
    refused(tmp_path, r"accept the rules at \S+/imagenet-object-localization-challenge/rules,")


@pytest.mark.parametrize("place", ["variables", "kaggle.json", "access_token"])
def test_credentials_come_from_the_places_of_the_kaggle_package(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    if place == "variables":
        monkeypatch.setenv("KAGGLE_USERNAME", USER)
        monkeypatch.setenv("KAGGLE_KEY", KEY)
    elif place == "kaggle.json":
        (home / place).write_text(json.dumps({"username": USER, "key": KEY}))
        (home / place).chmod(0o600)
    else:
        (home / place).write_text(TOKEN)
    assert fetch(tmp_path).read_bytes() == CONTENT


@pytest.mark.usefixtures("member")
def test_the_storage_behind_kaggle_is_told_no_credentials(
    tmp_path: Path, storage: Storage
) -> None:
    fetch(tmp_path)
    assert storage.authorizations == [None]


def test_a_redirection_takes_no_credentials_along(tmp_path: Path, storage: Storage) -> None:
    for path, told in (("/val_256.tar", f"Bearer {TOKEN}"), ("/moved", None)):
        remote = Remote(storage.address + path, authorization=f"Bearer {TOKEN}")
        assert TOKEN not in repr(remote)
        download(tmp_path / path[1:], lambda remote=remote: remote, pause=0)
        assert storage.authorizations.pop() == told


@pytest.mark.usefixtures("member")
def test_no_secret_is_logged(
    tmp_path: Path, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    storage.cuts, storage.answers = [1000], [None, 500]
    with caplog.at_level(logging.INFO):
        fetch(tmp_path)
    assert "the server answers 500" in caplog.text
    assert "its MD5 is right" in caplog.text
    assert not any(secret in caplog.text for secret in SECRETS)


@pytest.mark.usefixtures("member")
def test_a_server_out_of_reach_says_what_to_do(
    tmp_path: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = "http://127.0.0.1:9"  # the port of `discard`
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, nowhere)
    refused(tmp_path, r"cannot be downloaded \(Kaggle: ConnectionError\)\. Run this rule where")
    monkeypatch.setattr(places, "ADDRESS", f"{nowhere}/")
    refused(
        tmp_path,
        r"cannot be downloaded \(127\.0\.0\.1: .*refused.*put the file there by hand",
        PLACES,
    )


def test_no_byte_is_requested_where_there_is_no_room(
    tmp_path: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")(10**6, 10**6 - 1000, 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    refused(tmp_path, r"val_256\.tar: no space left .*0\.000 GB in all", PLACES)
    assert (tmp_path / "data" / "val_256.tar.partial").stat().st_size == 0


def test_a_disk_that_fills_up_is_named(tmp_path: Path, storage: Storage) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "val_256.tar.partial").symlink_to("/dev/full")
    with pytest.raises(DiskFullError, match=r"val_256\.tar: no space left"):
        fetch(tmp_path, PLACES)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, storage: Storage) -> None:
    (tmp_path / "data").write_text("a file")
    refused(tmp_path, r"val_256\.tar: cannot be written .* Choose a folder", PLACES)


def test_two_processes_do_not_write_the_same_file(tmp_path: Path, storage: Storage) -> None:
    def locate() -> Remote:
        with pytest.raises(ConfigError, match="another process is downloading it"):
            download(tmp_path / "file", locate)
        return Remote(f"{storage.address}/val_256.tar")

    download(tmp_path / "file", locate)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_an_attempt_that_brought_bytes_does_not_count(tmp_path: Path, storage: Storage) -> None:
    storage.cuts = [30_000] * 9
    assert fetch(tmp_path, PLACES, attempts=1).read_bytes() == CONTENT


def test_pauses_double_while_nothing_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)

    def locate() -> Remote:
        raise InterruptedDownloadError("no answer")

    with pytest.raises(ConfigError, match="no answer"):
        download(tmp_path / "file", locate, attempts=4, pause=3)
    assert pauses == [3, 6, 12]


def test_archives_are_looked_for_in_the_configured_folder(tmp_path: Path) -> None:
    settings = PLACES.replaced(folder=str(tmp_path))
    assert dataset_archives(settings) == [tmp_path / name for name in places.ARCHIVES]
    (tmp_path / "val_256.tar").touch()
    assert missing_archives(settings) == [n for n in places.ARCHIVES if n != "val_256.tar"]
    assert dataset_archives(Digits()) == []


def test_an_unknown_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'val\.tar' is not known\. Nearest: val_256\.tar"):
        download_archive(PLACES, tmp_path / "val.tar")


@pytest.mark.usefixtures("member")
def test_the_job_writes_no_secret_anywhere(tmp_path: Path, storage: Storage) -> None:
    """The script in a process of its own, first refused, then cut, with Kaggle's chatter on."""
    storage.refusals, storage.cuts = 1, [1000]
    archive = tmp_path / "data" / ARCHIVE
    code = f"""
import runpy, sys, types
import actsense.data
assert not {{"kaggle", "kagglesdk", "requests"}} & set(sys.modules)
from kagglesdk import kaggle_env
kaggle_env._env_to_endpoint[kaggle_env.KaggleEnv.PROD] = {storage.address!r}
sys.modules["time"].sleep = lambda seconds: None
snakemake = types.SimpleNamespace(
    log=[{str(tmp_path / "job.log")!r}],
    params=types.SimpleNamespace(settings={IMAGENET.plain()!r}),
    output=types.SimpleNamespace(archive={str(archive)!r}),
)
for attempt in 1, 2:
    try:
        runpy.run_path({str(SCRIPT)!r}, dict(snakemake=snakemake))
    except SystemExit:
        assert attempt == 1
"""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"VERBOSE": "1", "PYTHONPATH": str(REPOSITORY / "src")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    told = ran.stdout + ran.stderr
    assert ran.returncode == 0, told
    assert archive.read_bytes() == CONTENT
    assert "accept the rules" in told
    assert "the connection was cut" in told
    written = told.encode() + b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    for secret in (*SECRETS, base64.b64encode(TOKEN.encode()).decode()):
        assert secret.encode() not in written
