"""What is pasted into hosts can be pasted; who may reach the server over HTTP."""

from __future__ import annotations

import json
import shlex
import tomllib
from pathlib import Path

import pytest

from cantilena.errors import OptionError
from cantilena.interfaces.mcp.hosts import describe_hosts
from cantilena.interfaces.mcp.transports import require_token, transport_security

COMMAND = "/opt/my tools/cantilena"


def test_every_block_starts_the_same_server() -> None:
    folder = Path("/home/me/Sheet music")
    expected = [COMMAND, "mcp", "--files", str(folder)]
    blocks = [block.split("\n", 1) for block in describe_hosts(COMMAND, [folder]).split("# ")[1:]]
    assert len(blocks) == 7
    for _, text in blocks:
        if text.startswith("{"):
            server = next(iter(json.loads(text).values()))["cantilena"]
        elif text.startswith("["):
            server = tomllib.loads(text)["mcp_servers"]["cantilena"]
        else:
            assert shlex.split(text.partition(" -- ")[2]) == expected
            continue
        assert [server["command"], *server["args"]] == expected


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "studio.example"])
def test_other_machines_need_a_token(host: str) -> None:
    with pytest.raises(OptionError) as caught:
        require_token(host, "")
    assert caught.value.code == "mcp_token_missing"
    require_token(host, "correct horse battery")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_machine_needs_none_and_goes_by_its_own_names_only(host: str) -> None:
    require_token(host, "")
    allowed = transport_security(host)
    assert allowed.enable_dns_rebinding_protection
    assert "127.0.0.1:*" in allowed.allowed_hosts
    assert "[::1]:*" in allowed.allowed_hosts
    assert not any("example" in name for name in allowed.allowed_hosts)
