"""Where a voicebank came from, when its folder does not tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cantilena.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What is known of a fetched voicebank.

    Attributes
    ----------
    id, version : str
        As it was published.
    vocoders : mapping of str to Path
        Folders of the shared vocoders that were fetched for it, by name.
    findings : tuple of Finding
        What whoever sings it should know.
    """

    id: str
    version: str
    vocoders: Mapping[str, Path] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
