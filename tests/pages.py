"""What stands in a page: the traces of its figures, and the rows of its table of trials."""

import json
import re
from html.parser import HTMLParser
from typing import Any


def figures_of(html: str) -> dict[str, list[dict[str, Any]]]:
    """The traces of each figure by its name, as the page's script gets them."""
    found = re.findall(
        r'<figure id="figure-([\w-]+)".*?<script type="application/json">(.*?)</script>', html, re.S
    )
    return {name: json.loads(data)["data"] for name, data in found}


class _Loaded(HTMLParser):
    """Collects what the elements of a page load from elsewhere; not what a script may contain."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = "href" if tag == "link" else "src"
        self.addresses += [
            value for key, value in attrs if key == name and value and not value.startswith("data:")
        ]


def loaded_from_elsewhere(html: str) -> list[str]:
    """The addresses from which a page that stands alone would load scripts, styles or images."""
    page = _Loaded()
    page.feed(html)
    return page.addresses


def trials_of(html: str) -> list[dict[str, str]]:
    """The rows of the table of trials, by the names of its columns."""
    (data,) = re.findall(r'<script type="application/json" id="trials-data">(.*?)</script>', html)
    columns = json.loads(data)
    rows = range(len(columns[0]["codes"]))
    return [{one["name"]: one["values"][one["codes"][row]] for one in columns} for row in rows]
