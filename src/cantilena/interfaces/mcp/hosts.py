"""What to paste into the usual hosts of MCP servers."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

_SERVERS = "mcpServers"


def describe_hosts(command: str, files: Sequence[Path]) -> str:
    """One block for each host.

    Parameters
    ----------
    command : str
        The program ``cantilena``, with its full path: a host starts it with an environment of its own.
    files : sequence of Path
        Folders given with ``--files``.
    """
    arguments = ["mcp", *(word for folder in files for word in ("--files", str(folder.absolute())))]
    server: dict[str, object] = {"command": command, "args": arguments}
    line = shlex.join([command, *arguments])
    blocks = {
        "Claude Desktop: claude_desktop_config.json": _json({_SERVERS: _named(server)}),
        "Claude Code: in a shell": f"claude mcp add cantilena -- {line}",
        "VS Code: .vscode/mcp.json": _json({"servers": _named({"type": "stdio"} | server)}),
        "Cursor: ~/.cursor/mcp.json; Windsurf: ~/.codeium/windsurf/mcp_config.json": _json({_SERVERS: _named(server)}),
        "Codex: ~/.codex/config.toml": f"[mcp_servers.cantilena]\ncommand = {json.dumps(command)}\n"
        f"args = {json.dumps(arguments)}",
        "Gemini CLI: ~/.gemini/settings.json": _json({_SERVERS: _named(server)}),
        "Zed: settings.json": _json({"context_servers": _named(server)}),
    }
    return "\n\n".join(f"# {host}\n{block}" for host, block in blocks.items()) + "\n"


def _named(server: dict[str, object]) -> dict[str, object]:
    return {"cantilena": server}


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
