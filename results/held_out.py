"""On which images the values of a search are, in words: the validation split, or all folds, each
scored by the network that did not see it.
"""


def measured_on(folds: int | None) -> str:
    """Where a value was measured: ``on validation``, or ``over 5 folds``.

    Args:
        folds: of the search; ``None``: it has one validation split.
    """
    return "on validation" if folds is None else f"over {folds} folds"


def images_of(folds: int | None) -> str:
    """The images that were scored, such as ``validation images``; ``folds`` as above."""
    return "validation images" if folds is None else f"images of the {folds} folds"
