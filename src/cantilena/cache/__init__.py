"""What was computed once and is kept on disk: phrases, quantised models, dictionaries."""

from cantilena.cache.store import ContentStore

__all__ = ["ContentStore"]
