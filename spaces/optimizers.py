"""Whether the optimisers that a space names exist and can be had."""

from sedn.errors import UserError
from spaces.space import Space


def check_optimizers(space: Space) -> None:
    """Refuse a space with an optimiser that timm lacks, or whose package is not installed.

    Raises:
        UserError: there is such an optimiser; the message names the space and what would do.
    """
    from sedn.training.optimization.optimizer import check_optimizer

    try:
        for name in space.values_of("optimizer.name"):
            check_optimizer(name)
    except UserError as error:
        raise UserError(f"{space.source}: {error}") from None
