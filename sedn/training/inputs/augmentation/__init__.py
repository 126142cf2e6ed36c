"""Random changes of a batch of training images and of their semantic maps, on the device.

All images of a batch are changed at once, without a loop over them, each by parameters of its own.
Every random number is drawn from the one generator that is given, on that generator's device: with
a generator of the CPU a batch is changed alike wherever it lies. A change that is off returns the
batch as it is.
"""

from sedn.training.inputs.augmentation.batch import Batch, fractions
from sedn.training.inputs.augmentation.maps import perturb_maps
from sedn.training.inputs.augmentation.mixing import mix
from sedn.training.inputs.augmentation.pipeline import augment

__all__ = ["Batch", "augment", "fractions", "mix", "perturb_maps"]
