"""How the models of a voicebank are run, and which of them are open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from cantilena.voicebank.open_models import OpenModels

if TYPE_CHECKING:
    from cantilena.cache import ContentStore

Precision = Literal["fp32", "int8"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """What decides how models run, and so belongs to what their results depend on.

    Attributes
    ----------
    threads : int
        >= 1, of each model.
    device : str
        Where the large models run, one of ``cpu, cuda, coreml, directml``.
    precision : {"fp32", "int8"}
        Of the acoustic, pitch and variance models.
    low_memory : bool
        Whether models are closed to make room for others; a little slower, and the same samples.
    store : ContentStore or None
        Where quantised models and parsed dictionaries are kept; None: nowhere.
    models : OpenModels
        The open ones of all models that are given these options.
    """

    threads: int = 1
    device: str = "cpu"
    precision: Precision = "fp32"
    low_memory: bool = False
    store: ContentStore | None = None
    models: OpenModels = field(default_factory=OpenModels, repr=False, compare=False)
