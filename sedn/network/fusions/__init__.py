"""The fusions of a stage with the semantic map; :mod:`sedn.registry.fusions` names them."""
