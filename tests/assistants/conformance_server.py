"""Serves what the public conformance suite asks of a test server, by the same factory as Cantilena's own tools.

Started as a program: ``python -m tests.assistants.conformance_server``; says its address on standard error.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Mapping
from typing import Any

import anyio
import mcp_types as types
from mcp.server import Server

from cantilena.errors import OptionError
from cantilena.interfaces.mcp.catalogue import (
    Argument,
    Arguments,
    Catalogue,
    Content,
    Context,
    Prompt,
    Reply,
    ResourceTemplate,
    Tool,
)
from cantilena.interfaces.mcp.server import make_server
from cantilena.interfaces.mcp.transports import serve_http

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAAAAA=="
HINTS = types.ToolAnnotations(read_only_hint=True)


class Nothing(Arguments):
    pass


class Prompted(Arguments):
    prompt: str


class Told(Arguments):
    message: str


class RichTool(Tool[Nothing]):
    """A tool whose schema is more than a model of pydantic says."""

    @property
    def listing(self) -> types.Tool:  # type: ignore[override]
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "$defs": {
                "address": {
                    "type": "object",
                    "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
                }
            },
            "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
            "additionalProperties": False,
        }
        return types.Tool(name=self.name, description=self.description, input_schema=schema)


def gives(*content: Any) -> Any:
    async def call(_: Context, __: Nothing) -> Reply:
        return Reply(text="", content=content)

    return call


async def with_logging(context: Context, _: Nothing) -> Reply:
    for text in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await context.session.send_log_message("info", text, related_request_id=context.request_id)
        await anyio.sleep(0.05)
    return Reply(text="Logged.")


async def with_progress(context: Context, _: Nothing) -> Reply:
    for progress in (0, 50, 100):
        await context.session.report_progress(progress, 100, f"{progress} of 100")
        await anyio.sleep(0.05)
    return Reply(text="Progressed.")


async def failing(_: Context, __: Nothing) -> Reply:
    raise OptionError("test_error", "This tool intentionally returns an error for testing")


async def sampling(context: Context, arguments: Prompted) -> Reply:
    said = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=arguments.prompt))
    answer = await context.session.create_message([said], max_tokens=100, related_request_id=context.request_id)
    return Reply(text=f"LLM response: {answer.content.text}")  # type: ignore[union-attr]


def asking(message: str, properties: dict[str, Any], required: list[str] | None = None) -> Any:
    async def call(context: Context, arguments: Any) -> Reply:
        schema = {"type": "object", "properties": properties, "required": required or []}
        answer = await context.session.elicit_form(
            getattr(arguments, "message", message), schema, related_request_id=context.request_id
        )
        return Reply(text=f"Elicitation completed: action={answer.action}, content={json.dumps(answer.content)}")

    return call


ANSWER = {name: {"type": "string", "description": name} for name in ("username", "email")}
DEFAULTS: dict[str, Any] = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}
OPTIONS = ["option1", "option2", "option3"]
TITLED = [{"const": f"value{n}", "title": f"{word} Option"} for n, word in enumerate(("First", "Second", "Third"), 1)]
ENUMS: dict[str, Any] = {
    "untitledSingle": {"type": "string", "enum": OPTIONS},
    "titledSingle": {"type": "string", "oneOf": TITLED},
    "legacyEnum": {
        "type": "string",
        "enum": ["opt1", "opt2", "opt3"],
        "enumNames": ["Option One", "Option Two", "Option Three"],
    },
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": OPTIONS}},
    "titledMulti": {"type": "array", "items": {"anyOf": TITLED}},
}


def text(value: str) -> types.TextContent:
    return types.TextContent(type="text", text=value)


def image() -> types.ImageContent:
    return types.ImageContent(type="image", data=PNG, mime_type="image/png")


def embedded(uri: str, value: str, mime_type: str = "text/plain") -> types.EmbeddedResource:
    held = types.TextResourceContents(uri=uri, mime_type=mime_type, text=value)
    return types.EmbeddedResource(type="resource", resource=held)


def tool(name: str, call: Any, arguments: type[Arguments] = Nothing, kind: type[Tool[Any]] = Tool) -> Tool[Any]:
    return kind(name=name, title=name, description=name, arguments=arguments, call=call, annotations=HINTS)


def resource(uri: str, content: Content, *, is_listed: bool = True) -> ResourceTemplate:
    async def read(_: Context, variables: Mapping[str, str]) -> Content:
        data = content.data
        for name, value in variables.items():
            data = data.replace(f"<{name}>", value) if isinstance(data, str) else data
        return Content(data=data, mime_type=content.mime_type)

    async def listed(_: Context) -> list[types.Resource]:
        return [types.Resource(uri=uri, name=uri, description=uri, mime_type=content.mime_type)]

    return ResourceTemplate(
        uri=uri, name=uri, title=uri, description=uri, read=read, listed=listed if is_listed else None
    )


def prompt(name: str, *contents: Any, arguments: tuple[str, ...] = ()) -> Prompt:
    def messages(given: Mapping[str, str]) -> list[types.PromptMessage]:
        filled = [content(given) if callable(content) else content for content in contents]
        return [types.PromptMessage(role="user", content=content) for content in filled]

    told = tuple(Argument(name=one, description=one, required=True, complete=nobody_knows) for one in arguments)
    return Prompt(name=name, title=name, description=name, arguments=told, messages=messages)


async def nobody_knows(_: str, __: Mapping[str, str]) -> list[str]:
    return []


FIXTURES = Catalogue(
    instructions="For the conformance suite only.",
    tools=(
        tool("test_simple_text", gives(text("This is a simple text response for testing."))),
        tool("test_image_content", gives(image())),
        tool("test_audio_content", gives(types.AudioContent(type="audio", data=WAV, mime_type="audio/wav"))),
        tool("test_embedded_resource", gives(embedded("test://embedded", "This is an embedded resource content."))),
        tool(
            "test_multiple_content_types",
            gives(
                text("Multiple content types test:"),
                image(),
                embedded("test://mixed", '{"test":"data","value":123}', "application/json"),
            ),
        ),
        tool("test_tool_with_logging", with_logging),
        tool("test_tool_with_progress", with_progress),
        tool("test_error_handling", failing),
        tool("test_sampling", sampling, Prompted),
        tool("test_elicitation", asking("", ANSWER, ["username", "email"]), Told),
        tool("test_elicitation_sep1034_defaults", asking("Defaults", DEFAULTS)),
        tool("test_elicitation_sep1330_enums", asking("Enums", ENUMS)),
        tool("json_schema_2020_12_tool", gives(), kind=RichTool),
    ),
    resources=(
        resource("test://static-text", Content(data="The content of the static text.", mime_type="text/plain")),
        resource("test://static-binary", Content(data=b"\x89PNG", mime_type="image/png")),
        resource(
            "test://template/{id}/data",
            Content(data='{"id":"<id>","templateTest":true,"data":"Data for ID: <id>"}', mime_type="application/json"),
            is_listed=False,
        ),
    ),
    prompts=(
        prompt("test_simple_prompt", text("This is a simple prompt for testing.")),
        prompt(
            "test_prompt_with_arguments",
            lambda given: text(f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'"),
            arguments=("arg1", "arg2"),
        ),
        prompt(
            "test_prompt_with_embedded_resource",
            lambda given: embedded(given["resourceUri"], "Embedded resource content for testing."),
            text("Please process the embedded resource above."),
            arguments=("resourceUri",),
        ),
        prompt("test_prompt_with_image", image(), text("Please analyze the image above.")),
    ),
)


def conformance_server() -> Server[Any]:
    """The fixtures, and the two requests that Cantilena has no use for."""
    server = make_server(FIXTURES)

    async def accept(_: Context, __: Any) -> types.EmptyResult:
        return types.EmptyResult()

    server.add_request_handler("resources/subscribe", types.SubscribeRequestParams, accept)
    server.add_request_handler("resources/unsubscribe", types.UnsubscribeRequestParams, accept)
    server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, accept)
    return server


def main() -> None:
    warnings.simplefilter("ignore")  # what the suite asks for and the protocol has given up since
    serve_http(
        conformance_server(),
        lambda address: print(address, file=sys.stderr, flush=True),
        host="127.0.0.1",
        port=0,
        token="",
    )


if __name__ == "__main__":
    main()
