"""Singing over HTTP: the same verbs and words as everywhere, for any number of clients and instances.

The routes translate and nothing more; what they do stands in :mod:`cantilena.service`.
"""
