"""A server of the protocol whose tools do what is hard for whoever calls them; a program of its own.

``python -m tests.workers.server [MODE]``, where MODE is ``babbles`` (prints what is no message before anything else) or
``deaf`` (does not end with its input).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

import anyio
import mcp_types as types
from mcp.server import Server
from mcp.server.stdio import stdio_server

LOOKS = types.ToolAnnotations(read_only_hint=True)
ACTS = types.ToolAnnotations(read_only_hint=False, idempotent_hint=False)
TOOLS = {
    "parse_score": LOOKS, "slow_look": LOOKS, "synthesize": ACTS, "die": ACTS, "die_looking": LOOKS, "fail": LOOKS,
    "tell": LOOKS, "print": LOOKS, "start_child": ACTS, "promise": LOOKS, "leave_file": ACTS,
}  # fmt: skip


def log(event: str, **fields: Any) -> None:
    line = {"event": event, "message": event, "severity": "INFO", "time": "2026-01-02T03:04:05.678Z", **fields}
    sys.stderr.write(json.dumps(line) + "\n")
    sys.stderr.flush()


async def list_tools(_: Any, __: Any) -> types.ListToolsResult:
    schema = {"type": "object", "properties": {"device": {"type": "string"}}}
    promised = {"type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"]}
    return types.ListToolsResult(
        tools=[
            types.Tool(
                name=name,
                input_schema=schema,
                output_schema=promised if name == "promise" else None,
                annotations=annotations,
            )
            for name, annotations in TOOLS.items()
        ]
    )


async def call_tool(context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
    arguments = params.arguments or {}
    match params.name:
        case "synthesize" | "slow_look":
            steps = int(arguments.get("steps", 10))
            for step in range(steps):
                await context.session.report_progress((step + 1) / steps, 1.0, f"step {step}")
                await anyio.sleep(float(arguments.get("seconds", 0.5)) / steps)
        case "die" | "die_looking":
            os.kill(os.getpid(), signal.SIGKILL)
        case "fail":
            problem = {
                "code": "score_not_found", "message": "There is no file.", "hint": "Look again.", "part": "P1",
                "measure": "3", "retryable": False,
            }  # fmt: skip
            return types.CallToolResult(
                content=[types.TextContent(type="text", text="no")],
                structured_content={"error": problem},
                is_error=True,
            )
        case "tell":
            log("told", job_id=(context.meta or {}).get("job_id"), number=7, nested={"a": [1]})
            sys.stderr.write("plain text\n")
            sys.stderr.flush()
        case "print":
            os.write(WIRE, b"this is no message\n")
        case "start_child":
            child = subprocess.Popen(["sleep", "600"])
            return answer(context, arguments, child=child.pid)
        case "promise":
            return types.CallToolResult(content=[], structured_content={"answer": "none"})
        case "leave_file":
            with tempfile.NamedTemporaryFile(delete=False) as file:
                return answer(context, arguments, file=file.name)
    return answer(context, arguments)


def answer(context: Any, arguments: dict[str, Any], **more: Any) -> types.CallToolResult:
    meta = {name: value for name, value in (context.meta or {}).items() if isinstance(value, str)}
    content = {"pid": os.getpid(), "meta": meta, "arguments": arguments, "environment": dict(os.environ), **more}
    return types.CallToolResult(
        content=[types.TextContent(type="text", text="done")], structured_content=content, is_error=False
    )


def main(mode: str = "") -> None:
    if mode == "babbles":
        os.write(1, b"Hello!\n\xff\xfe\n{\n[]\n")

    async def serve() -> None:
        async with stdio_server() as (read, write):
            server: Server[Any] = Server("tests", on_list_tools=list_tools, on_call_tool=call_tool)
            await server.run(read, write, server.create_initialization_options())

    anyio.run(serve)
    if mode == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)


WIRE = os.dup(1)

if __name__ == "__main__":
    main(*sys.argv[1:])
