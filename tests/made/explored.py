"""What a test reads from a page of the explorer."""

import json
import re
from html import unescape
from typing import Any

from streamlit.testing.v1 import AppTest


def address(test: AppTest) -> dict[str, str]:
    """Return the query of the page's address; the tester keeps some values in lists."""
    query = test.query_params.items()
    return {name: value if isinstance(value, str) else value[0] for name, value in query}


def told(test: AppTest) -> str:
    """Return what the page says that it lacks, as it is read: without the escapes of Markdown."""
    return re.sub(r"\\([^a-zA-Z0-9\s])", r"\1", "\n".join(info.value for info in test.info))


def choices(test: AppTest) -> list[dict[str, Any]]:
    """Return what clicks on the page's own HTML choose, in order."""
    pages = [json.loads(one.proto.json).get("html", "") for one in test.get("bidi_component")]
    told = re.findall('data-choice="([^"]+)"', "".join(pages))
    return [json.loads(unescape(one))["wishes"] for one in told]
