"""What is installed only for those who ask for it."""

from collections.abc import Iterable
from importlib.util import find_spec

from sedn.errors import UserError


def check_extra(asked_for: str, extra: str, packages: Iterable[str]) -> None:
    """Check that the packages of an extra are installed.

    Args:
        asked_for: the option that needs them; it begins the message.
        extra: its name.
        packages: what is imported.

    Raises:
        UserError: one of them is missing.
    """
    for package in packages:
        if find_spec(package) is None:
            raise UserError(
                f"{asked_for}: {package} is not installed; `pip install 'sedn-search[{extra}]'` "
                f"brings it"
            )
