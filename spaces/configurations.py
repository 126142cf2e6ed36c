"""A space that lists whole configurations and seeds, in place of axes.

Every configuration is trained with every seed: replicates of a few candidates, such as those that
an earlier search found best.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sedn.config import build_config, flatten
from sedn.config.groups import LARGEST_SEED
from sedn.errors import UserError
from spaces.axes import Axis, Choice
from spaces.fields import check_path

CONFIGURATION = "configuration"
"""The axis of the configurations' titles."""
SEED = "seed"


@dataclass(frozen=True)
class Configurations:
    """Whole configurations by title, and the seeds that each is trained with."""

    fields: Mapping[str, Mapping[str, Any]]
    """By title: the fields of a configuration, nested."""
    seeds: tuple[int, ...]

    def values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a point by dotted path; its seed, where the point has one, is left out."""
        return flatten(self.fields[params[CONFIGURATION]])

    def axes(self) -> tuple[Axis, ...]:
        """Two choices: the title and the seed."""
        titles = tuple(self.fields)
        return Choice(CONFIGURATION, titles, titles[0]), Choice(SEED, self.seeds, self.seeds[0])

    def points(self) -> tuple[dict[str, Any], ...]:
        """All points: each configuration with the first seed, then each with the next."""
        return tuple(
            {CONFIGURATION: title, SEED: seed} for seed in self.seeds for title in self.fields
        )


def parse_configurations(listed: object, seeds: object, source: str) -> Configurations:
    """Parse the entries under ``configurations:`` and ``seeds:``.

    Raises:
        UserError: one is no mapping or list, a field does not exist or take its value, or a seed is
            no whole number or is there twice.
    """
    if not isinstance(listed, dict) or not listed:
        raise UserError(
            f"{source}: 'configurations' needs titles and their fields, such as "
            f"{{plain: {{embedding: {{placement: none}}}}}}, not {listed!r}"
        )
    fields: dict[str, dict[str, Any]] = {}
    for title, given in listed.items():
        where = f"{source}: configuration '{title}'"
        if not isinstance(given, dict):
            raise UserError(f"{where}: needs fields and their values, not {given!r}")
        for path in flatten(given):
            check_path(path, where)
        if SEED in given:
            raise UserError(f"{where}: 'seed' is set by 'seeds:'; leave it out")
        build_config(given, where)
        fields[str(title)] = given
    return Configurations(fields, _parse_seeds(seeds, source))


def _parse_seeds(seeds: object, source: str) -> tuple[int, ...]:
    if not isinstance(seeds, list) or not seeds:
        raise UserError(f"{source}: 'seeds' needs a list of whole numbers, not {seeds!r}")
    for seed in seeds:
        is_whole = isinstance(seed, int) and not isinstance(seed, bool)
        if not is_whole or not 0 <= seed <= LARGEST_SEED:
            raise UserError(
                f"{source}: seeds: {seed!r} is not a whole number from 0 to {LARGEST_SEED}"
            )
    _refuse_twice(seeds, source)
    return tuple(seeds)


def _refuse_twice(seeds: Sequence[int], source: str) -> None:
    for seed in seeds:
        if seeds.count(seed) > 1:
            raise UserError(f"{source}: seeds: {seed} is listed twice; leave one")
