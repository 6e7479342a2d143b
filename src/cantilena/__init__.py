"""Cantilena sings scores: MusicXML with lyrics in, sung audio out.

>>> import cantilena
>>> score = cantilena.load_score("examples/amazing-grace.musicxml")  # doctest: +SKIP
>>> take = cantilena.sing(score, verse="1", seed=7)  # doctest: +SKIP
>>> take.save("amazing-grace.flac")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cantilena.api import Check, check, load_score, sing, sing_phrases
    from cantilena.errors import (
        CantilenaError,
        InferenceError,
        LyricError,
        OptionError,
        OutputError,
        ScoreError,
        StageError,
        VoicebankError,
    )
    from cantilena.findings import Finding
    from cantilena.takes import PhraseTake, Take
    from cantilena.voicebanks import check_voicebank, list_voicebanks, voicebank_info

__all__ = [
    "CantilenaError",
    "Check",
    "Finding",
    "InferenceError",
    "LyricError",
    "OptionError",
    "OutputError",
    "PhraseTake",
    "ScoreError",
    "StageError",
    "Take",
    "VoicebankError",
    "check",
    "check_voicebank",
    "list_voicebanks",
    "load_score",
    "sing",
    "sing_phrases",
    "voicebank_info",
]

_HOMES = dict.fromkeys(("Check", "check", "load_score", "sing", "sing_phrases"), "api")
_HOMES |= dict.fromkeys(("PhraseTake", "Take"), "takes")
_HOMES |= dict.fromkeys(("check_voicebank", "list_voicebanks", "voicebank_info"), "voicebanks")


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- whatever the name stands for
    """Import a public name when it is first used: the command line must answer before numpy is loaded."""
    if name not in __all__:
        raise AttributeError(f"module 'cantilena' has no attribute {name!r}")
    from importlib import import_module

    home = _HOMES.get(name, "findings" if name == "Finding" else "errors")
    return getattr(import_module(f"cantilena.{home}"), name)
