"""A YAML document as a mapping, read strictly: no key is silently lost."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from sedn.errors import UserError

_MERGE = "tag:yaml.org,2002:merge"


class _StrictLoader(yaml.SafeLoader):
    """YAML's safe loader, which keeps the last of two equal keys, made to refuse them."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                line = key_node.start_mark.line + 1
                raise UserError(f"line {line}: '{key}' is there twice; leave one")
            if isinstance(key, Hashable):
                seen.add(key)
        return super().construct_mapping(node, deep)


def read_text(path: Path) -> str:
    """The text of a UTF-8 file.

    Raises:
        UserError: there is no such file, or it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: not UTF-8 at byte {error.start}; save it as a UTF-8 text file"
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{path}: cannot be read: {reason}") from None


def parse_document(text: str, source: str) -> dict[Any, Any]:
    """The mapping that the YAML ``text`` holds.

    Raises:
        UserError: it is not YAML, has a key twice, or is no mapping.
    """
    try:
        document = yaml.load(text, _StrictLoader)
    except UserError as error:
        raise UserError(f"{source}: {error}") from None
    except RecursionError:
        raise UserError(f"{source}: not a space: nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{source}: not YAML: {' '.join(str(error).split())}") from None
    except (LookupError, AttributeError, TypeError):
        # How PyYAML fails on a tag, such as !!int, whose value is none of the kind.
        raise UserError(
            f"{source}: not YAML: a tag ('!!…') has a wrong value; leave it out"
        ) from None
    if not isinstance(document, dict):
        raise UserError(f"{source}: expected a mapping with 'name:', 'base:' and 'axes:'")
    return document
