"""Print every name that a configuration may use, those of installed plugins too."""

import sys
from typing import Any

from sedn.errors import UserError
from sedn.registry import ATTENTIONS, FUSIONS, HEADS, LOSSES, SEMANTIC_SOURCES, Registry


def main() -> int:
    """Print a table for each field; returns the exit code, 2 where a plugin cannot be loaded."""
    registries: tuple[Registry[Any], ...] = (FUSIONS, LOSSES, HEADS, ATTENTIONS, SEMANTIC_SOURCES)
    try:
        for registry in registries:
            print("\n".join(_lines(registry)), end="\n\n")
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _lines(registry: Registry[Any]) -> list[str]:
    names = registry.names()
    width = max(map(len, names))
    lines = [f"{registry.path}:"]
    for name in names:
        entry = registry.find(name)
        options = getattr(entry, "options", None)
        fields = (*entry.fields, *(options.model_fields if options else ()))
        shown = f" [{', '.join(fields)}]" if fields else ""
        lines.append(f"  {name:{width}}  {entry.description}{shown}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
