"""Implementations of :mod:`cantilena.ports`, one module for each outside service."""
