"""Small data sets in shapes that tools export and people report, all with one truth.

Each module of this folder with ``SHAPES`` adds its own; there is nothing to register.
"""

import pkgutil
from importlib import import_module

from tests.sedn.data.shapes.truth import Shape

SHAPES: dict[str, Shape] = {
    f"{module.name}: {name}": shape
    for module in pkgutil.iter_modules(__path__)
    for name, shape in getattr(import_module(f"{__name__}.{module.name}"), "SHAPES", {}).items()
}
