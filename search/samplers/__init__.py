"""Optuna's samplers by name, each fitted to a space and drawing the same after a restart."""
