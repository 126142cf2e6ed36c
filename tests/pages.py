"""What stands in a page: the traces of its figures, and the rows of its table of trials."""

import json
import re
from typing import Any


def figures_of(html: str) -> dict[str, list[dict[str, Any]]]:
    """The traces of each figure by its name, as the page's script gets them."""
    found = re.findall(
        r'<figure id="figure-([\w-]+)".*?<script type="application/json">(.*?)</script>', html, re.S
    )
    return {name: json.loads(data)["data"] for name, data in found}


def trials_of(html: str) -> list[dict[str, str]]:
    """The rows of the table of trials, by the names of its columns."""
    (data,) = re.findall(r'<script type="application/json" id="trials-data">(.*?)</script>', html)
    columns = json.loads(data)
    rows = range(len(columns[0]["codes"]))
    return [{one["name"]: one["values"][one["codes"][row]] for one in columns} for row in rows]
