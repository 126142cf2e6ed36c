"""Machines on this one: a network of namespaces, Ray's nodes, a database server, a small disk.

Tests and benchmarks both use them, so nothing here is of pytest.
"""
