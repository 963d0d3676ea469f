"""What the search of the site runs in where its pages come from a disk."""

import shutil
from pathlib import Path

import pytest
from pipeline import REPOSITORY
from playwright.sync_api import Page

ASKING = """<script src="iframe-worker.js"></script><script>
const worker = new Worker("worker.js");
const sent = {words: ["asked"]};
const told = [];
worker.onmessage = (message) => {
  told.push(message.data.words);
  message.data.kept.push("changed");
  if (told.length == 1) worker.postMessage(sent);
  else document.title = JSON.stringify({told, sent, home: String(self.home)});
};
worker.postMessage(sent);
</script>"""
ANSWERING = """"use strict";
const kept = [];
self.home = "the worker's";
self.onmessage = (message) => {
  message.data.words.push(`answered ${kept.length}`);
  self.postMessage({words: message.data.words, kept});
};"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Return a page that asks a worker twice, as a search does."""
    shutil.copy(REPOSITORY / "docs/iframe-worker.js", tmp_path)
    (tmp_path / "worker.js").write_text(ANSWERING)
    (tmp_path / "index.html").write_text(ASKING)
    return tmp_path / "index.html"


def test_a_worker_from_a_disk_answers_and_shares_nothing(page: Path, browser_page: Page) -> None:
    """Messages are copies, as between threads, and the worker has a global scope of its own."""
    browser_page.goto(page.as_uri())
    browser_page.wait_for_function("document.title !== ''")
    told = browser_page.evaluate("JSON.parse(document.title)")
    assert told["told"] == [["asked", "answered 0"]] * 2
    assert told["sent"] == {"words": ["asked"]}
    assert told["home"] == "undefined"
    browser_page.evaluate("worker.terminate(); worker.postMessage(sent)")
    assert browser_page.locator("iframe").count() == 0


def test_a_server_has_workers_of_its_own(page: Path, browser_page: Page) -> None:
    source = (page.parent / "iframe-worker.js").read_text()
    browser_page.route("http://site.test/", lambda route: route.fulfill(body="<p>served</p>"))
    browser_page.goto("http://site.test/")
    browser_page.evaluate(source)
    assert "native code" in browser_page.evaluate("String(Worker)")
