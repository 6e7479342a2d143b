"""The list of tools as a client gets it.

``python -m tests.assistants.listing > tests/unit/interfaces/mcp_tools.json`` accepts a change of it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from cantilena.interfaces.mcp.catalogue import Catalogue
from cantilena.interfaces.mcp.offer import catalogue_of
from cantilena.interfaces.mcp.services import Services
from cantilena.service.file_access import FileAccess


def offered(folder: Path = Path()) -> Catalogue:
    """What Cantilena offers, by a server that has no jobs."""
    return catalogue_of(Services(FileAccess([folder]), cast(Any, SimpleNamespace())))


def listed() -> list[dict[str, Any]]:
    """Tools as they go over the wire."""
    return [tool.listing.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in offered().tools]


if __name__ == "__main__":
    json.dump(listed(), sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")
