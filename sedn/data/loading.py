"""From a configuration to its data set."""

from functools import lru_cache
from pathlib import Path

from sedn.config import DataConfig
from sedn.data import digits
from sedn.data.cache import cached_dataset
from sedn.data.dataset import Dataset
from sedn.data.table import decode_table, read_table
from sedn.errors import UserError, did_you_mean

EMBEDDED = (digits.NAME,)


@lru_cache(maxsize=4)
def load_dataset(config: DataConfig) -> Dataset:
    """The data set of a configuration; decoded at the first call on this machine, then mapped.

    Raises:
        UserError: there is no such data set, or something in it is wrong.
    """
    if config.path == digits.NAME:
        key = f"{digits.fingerprint()}-{config.image_size}"
        return cached_dataset(key, lambda _: digits.build_digits(config.image_size))
    path = Path(config.path)
    if not path.exists():
        hint = did_you_mean(config.path, EMBEDDED)
        raise UserError(
            f"data '{config.path}': no such file, and no embedded data set "
            f"({', '.join(EMBEDDED)}){hint}"
        )
    if path.suffix.lower() != ".csv":
        raise UserError(f"{path}: not a table; expected a .csv file")
    table = read_table(path, config.split_seed)
    fingerprint = table.fingerprint()
    return cached_dataset(
        f"{fingerprint}-{config.image_size}",
        lambda scratch: decode_table(table, config.image_size, fingerprint, scratch),
    )
