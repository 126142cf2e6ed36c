"""The names that fields of a configuration may have: one entry for each, which all other code
reads.

An entry says what a name means, which other fields have an effect with the name, and what builds
the part of the network or of the training. Users add entries by the ``register_`` functions; a
package that is to be found by every process names its module as an entry point of the group
``sedn.plugins``. Nothing here imports torch.
"""

from sedn.registry.attentions import ATTENTIONS, Attention, register_attention
from sedn.registry.fusions import FUSIONS, Fusion, register_fusion
from sedn.registry.heads import HEADS, Head, register_head
from sedn.registry.losses import LOSSES, Loss, register_loss
from sedn.registry.registry import Registry
from sedn.registry.semantic_sources import SEMANTIC_SOURCES, SemanticSource, describe_source

__all__ = [
    "ATTENTIONS",
    "FUSIONS",
    "HEADS",
    "LOSSES",
    "SEMANTIC_SOURCES",
    "Attention",
    "Fusion",
    "Head",
    "Loss",
    "Registry",
    "SemanticSource",
    "describe_source",
    "register_attention",
    "register_fusion",
    "register_head",
    "register_loss",
]
