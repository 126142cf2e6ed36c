"""Optuna's samplers by name, each fitted to a space and drawing the same after a restart."""

from search.samplers.choosing import check_sampler, exhausted_after, make_samplers
from search.samplers.drawing import draw

__all__ = ["check_sampler", "draw", "exhausted_after", "make_samplers"]
