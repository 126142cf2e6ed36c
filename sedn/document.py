"""YAML that people write, read strictly: no key is silently lost, and no alias blows up."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from sedn.errors import UserError
from sedn.seen import see_content

MOST_VALUES = 10_000
"""Values that a document may have by its aliases, each counted wherever it stands; without
aliases it may have as many as are written."""
_MERGE = "tag:yaml.org,2002:merge"


def read_text(path: Path, hint: str = "") -> str:
    """The text of a UTF-8 file.

    Args:
        path: of the file.
        hint: what to do where there is none, after the words that say so.

    Raises:
        UserError: there is no such file, or it cannot be read.
    """
    see_content(path)
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file{hint}") from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: not UTF-8 at byte {error.start}; save it as a UTF-8 text file"
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{path}: cannot be read: {reason}") from None


def parse_document(text: str, source: str, expected: str) -> dict[Any, Any]:
    """The mapping that the YAML ``text`` holds.

    Args:
        text: of the document.
        source: what an error names.
        expected: what should stand there, such as ``the fields of a space``.

    Raises:
        UserError: as :func:`parse_value`, or it is no mapping.
    """
    document = parse_value(text, source)
    if not isinstance(document, dict):
        raise UserError(f"{source}: expected {expected}")
    return document


def parse_value(text: str, source: str) -> Any:
    """The value that the YAML ``text`` holds.

    Raises:
        UserError: the text is not YAML, has a key twice, is nested too deeply, or grows too
            large by its aliases.
    """
    try:
        return yaml.load(text, _StrictLoader)
    except UserError as error:
        raise UserError(f"{source}: {error}") from None
    except RecursionError:
        raise UserError(f"{source}: nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{source}: not YAML: {' '.join(str(error).split())}") from None
    except (LookupError, AttributeError, TypeError):
        # How PyYAML fails on a tag, such as !!int, whose value is none of the kind.
        raise UserError(
            f"{source}: not YAML: a tag ('!!…') has a wrong value; leave it out"
        ) from None


class _StrictLoader(yaml.SafeLoader):
    """YAML's safe loader, which keeps the last of two equal keys, made to refuse them."""

    def get_single_node(self) -> yaml.Node | None:
        """The document's nodes, before anything is made of them."""
        node = super().get_single_node()
        if node is not None:
            _check_size(node)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        first: dict[Hashable, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue
            line = key_node.start_mark.line + 1
            if key in first:
                raise UserError(
                    f"line {line}: '{key}' is there twice, first in line {first[key]}; leave one"
                )
            first[key] = line
        return super().construct_mapping(node, deep)


def _check_size(root: yaml.Node) -> None:
    """Check that the aliases of a document do not make it too large, or endless.

    An alias is the node that it names. A few lines of aliases to aliases are billions of values
    once they are written out, as checking and printing them does.

    Raises:
        UserError: the document becomes too large, or is endless.
    """
    sizes: dict[yaml.Node, int] = {}
    _add_size(root, sizes, set())
    if sizes[root] > max(MOST_VALUES, len(sizes)):
        raise UserError(
            f"its aliases ('*…') make it more than {MOST_VALUES:,} values; write out what is meant"
        )


def _add_size(node: yaml.Node, sizes: dict[yaml.Node, int], open_nodes: set[yaml.Node]) -> None:
    """Add to ``sizes`` how many values ``node`` and each node in it stand for, by node."""
    if node in open_nodes:
        line = node.start_mark.line + 1
        raise UserError(f"line {line}: holds an alias ('*…') of itself; write out what is meant")
    if node in sizes:
        return
    open_nodes.add(node)
    inner: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        inner = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode):
        inner = node.value
    for part in inner:
        _add_size(part, sizes, open_nodes)
    open_nodes.remove(node)
    sizes[node] = 1 + sum(sizes[part] for part in inner)


def is_number(text: str) -> bool:
    """Whether a text is a number, as Python reads one."""
    try:
        float(text)
    except ValueError:
        return False
    return True
