"""The optional packages, by the extras of the distribution."""

from importlib.util import find_spec
from typing import Literal, get_args

from sedn.errors import UserError

Extra = Literal[
    "cmaes", "heif", "huggingface", "metrics", "mlflow", "onnx", "postgres", "tensorboard"
]  # fmt: skip
"""Names of ``project.optional-dependencies``."""
_IMPORTS: dict[Extra, tuple[str, ...]] = {
    "heif": ("pillow_heif",),
    "huggingface": ("datasets",),
    "metrics": ("ray",),
    "onnx": ("onnx", "onnxruntime", "onnxscript"),
    "postgres": ("psycopg",),
}
"""The imported packages of an extra, where they are not one package of the extra's name."""
EXTRAS: tuple[Extra, ...] = get_args(Extra)


def check_extra(asked_for: str, extra: Extra) -> None:
    """Check that the packages of an extra are installed.

    Args:
        asked_for: what needs them, such as a file or a field in backquotes; begins the message.
        extra: its name.

    Raises:
        UserError: one of them is missing.
    """
    for package in imports_of(extra):
        if find_spec(package) is None:
            raise UserError(
                f"{asked_for}: {package} is not installed; `pip install 'sedn-search[{extra}]'` "
                f"brings it"
            )


def imports_of(extra: Extra) -> tuple[str, ...]:
    """The names by which the packages of an extra are imported."""
    return _IMPORTS.get(extra, (extra,))
