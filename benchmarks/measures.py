"""What training and use of one network cost, with ``torch.compile`` beside without.

Each is a short training as a trial does it: images a second, memory at its peak, and the times for
one image and for 32, as the store keeps them. The first epoch, in which torch compiles, is not
counted.

    python benchmarks/measures.py [--backbone resnet50] [--size 224] [--batch 32] [--steps 20]
"""

import argparse
import json
import tempfile
from pathlib import Path

from training import configure, write_data

from sedn.config import TrainingConfig
from sedn.training.epochs import train_epochs
from sedn.training.result import EpochResult

GOAL = 1.0


def last_epoch(config: TrainingConfig, folder: Path) -> EpochResult:
    *_, last = train_epochs(config, str(folder))
    return last


def main() -> None:
    """Measure, print a table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=20, help="of an epoch")
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args()
    print(f"{'torch.compile':14} {'images/s':>9} {'ms for 1':>9} {'for 32':>9} {'peak memory':>12}")
    speeds = {}
    with tempfile.TemporaryDirectory() as scratch:
        table = write_data(Path(scratch), options.steps * options.batch, options.size)
        plain = configure(table, options.backbone, options.size, options.batch, "stage2+stage3")
        for compiled in (False, True):
            config = plain.model_copy(update={"compile": compiled, "epochs": options.epochs})
            found = last_epoch(config, Path(scratch) / str(compiled)).costs
            speeds[compiled] = found["images_per_second"] or 0.0
            memory = (found["peak_memory"] or 0) / 2**20
            print(
                f"{'yes' if compiled else 'no':14} {speeds[compiled]:9.1f} "
                f"{found['latency_ms'] or 0:9.2f} {found['latency_32_ms'] or 0:9.2f} "
                f"{memory:8,.0f} MiB",
                flush=True,
            )
    value = speeds[True] / speeds[False]
    ratio = {"value": value, "goal": GOAL, "at_most": False}
    print(json.dumps({"ratios": {f"{options.backbone}_compiled": ratio}}))


if __name__ == "__main__":
    main()
