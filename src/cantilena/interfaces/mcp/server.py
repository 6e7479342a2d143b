"""A server of the protocol out of a catalogue: every request is checked, answered, timed and logged in one place."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import anyio
import mcp_types as types
from mcp.server import Server
from mcp.shared.exceptions import MCPError

from cantilena.errors import OptionError
from cantilena.interfaces.mcp.catalogue import Catalogue, Completer, Content, Context, Reply, Tool
from cantilena.interfaces.mcp.errors import to_mcp_error, to_protocol_error
from cantilena.interfaces.mcp.meta import call_meta
from cantilena.tracing import log_context, log_event, stopwatch
from cantilena.version import package_version

_MOST_COMPLETIONS: Final = 100  # as the protocol has it
_LONGEST_TYPED: Final = 200
_TEXT_ONLY: Final = ("2024-11-05", "2025-03-26")
"""Versions of the protocol whose clients read no structured content: they get it as a second text."""


def make_server(catalogue: Catalogue, *, name: str = "cantilena", title: str = "Cantilena") -> Server[Any]:
    """A server that offers what a catalogue holds, over any transport.

    Parameters
    ----------
    catalogue : Catalogue
        Tools, resources and prompts; fixed as long as the server lives.
    name, title : str
        How it calls itself.

    Returns
    -------
    Server
        Of the SDK; further requests may be added to it.
    """
    desk = _Desk(catalogue)
    return Server(
        name,
        title=title,
        version=package_version(),
        instructions=catalogue.instructions,
        on_list_tools=desk.list_tools,
        on_call_tool=desk.call_tool,
        on_list_resources=desk.list_resources,
        on_list_resource_templates=desk.list_templates,
        on_read_resource=desk.read_resource,
        on_list_prompts=desk.list_prompts,
        on_get_prompt=desk.get_prompt,
        on_completion=desk.complete,
        get_tool_input_schema=desk.input_schema_of,
    )


class _Desk:
    """Answers the requests of the protocol from a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._tools = {tool.name: tool for tool in catalogue.tools}
        self._prompts = {prompt.name: prompt for prompt in catalogue.prompts}
        self._listing = types.ListToolsResult(tools=[tool.listing for tool in catalogue.tools])

    # --- tools --------------------------------------------------------------------------------------------------

    def input_schema_of(self, name: str) -> Mapping[str, Any] | None:
        return self._tools[name].listing.input_schema if name in self._tools else None

    async def list_tools(self, _: Context, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        _require_first_page(params)
        return self._listing

    async def call_tool(self, context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        tool = self._tools.get(params.name)
        if tool is None:
            raise MCPError(code=types.INVALID_PARAMS, message=f"There is no tool {params.name[:80]!r}.")
        meta = call_meta(context)
        outcome, error_code, job_id = "failed", None, meta.job_id
        with log_context(
            job_id=meta.job_id, session_id=meta.session_id, request_id=meta.request_id, attempt=meta.attempt,
            trace=meta.trace,
        ):  # fmt: skip
            try:
                with stopwatch() as elapsed:
                    result, error_code = await _answer(tool, context, params.arguments or {})
                outcome = "failed" if result.is_error else "ok"
                job_id = (result.structured_content or {}).get("job_id", meta.job_id)
            except anyio.get_cancelled_exc_class():
                outcome = "canceled"
                raise
            finally:
                log_event(
                    "mcp_tool_call",
                    severity="error" if error_code == "internal_error" else "info",
                    tool=tool.name,
                    elapsed_ms=round(elapsed[0], 1),
                    outcome=outcome,
                    error_code=error_code,
                    **({} if job_id is None else {"job_id": job_id}),
                )
        return result

    # --- resources ----------------------------------------------------------------------------------------------

    async def list_resources(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        _require_first_page(params)
        found: list[types.Resource] = []
        with _told():
            for template in self._catalogue.resources:
                if template.listed is not None:
                    found += await template.listed(context)
        return types.ListResourcesResult(resources=found)

    async def list_templates(
        self, _: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        _require_first_page(params)
        templates = [
            types.ResourceTemplate(
                uri_template=one.uri, name=one.name, title=one.title, description=one.description,
                mime_type=one.mime_type,
            )
            for one in self._catalogue.resources
            if one.template.variables
        ]  # fmt: skip
        return types.ListResourceTemplatesResult(resource_templates=templates)

    async def read_resource(
        self, context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        uri = str(params.uri)
        with _told():
            for template in self._catalogue.resources:
                variables = template.match(uri)
                if variables is not None:
                    content = await template.read(context, variables)
                    return types.ReadResourceResult(contents=[_contents(uri, content)])
            raise OptionError("resource_unknown", f"There is no resource {uri[:200]!r}.", hint="Ask for the templates.")

    # --- prompts and completions --------------------------------------------------------------------------------

    async def list_prompts(self, _: Context, params: types.PaginatedRequestParams | None) -> types.ListPromptsResult:
        _require_first_page(params)
        prompts = [
            types.Prompt(
                name=prompt.name,
                title=prompt.title,
                description=prompt.description,
                arguments=[
                    types.PromptArgument(name=one.name, description=one.description, required=one.required)
                    for one in prompt.arguments
                ],
            )
            for prompt in self._catalogue.prompts
        ]
        return types.ListPromptsResult(prompts=prompts)

    async def get_prompt(self, _: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        prompt = self._prompts.get(params.name)
        if prompt is None:
            raise MCPError(code=types.INVALID_PARAMS, message=f"There is no prompt {params.name[:80]!r}.")
        given = params.arguments or {}
        missing = [one.name for one in prompt.arguments if one.required and not given.get(one.name)]
        if missing:
            raise MCPError(code=types.INVALID_PARAMS, message=f"The prompt needs {', '.join(missing)}.")
        known = {one.name: given[one.name] for one in prompt.arguments if one.name in given}
        with _told():
            return types.GetPromptResult(description=prompt.description, messages=list(prompt.messages(known)))

    async def complete(self, _: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
        completer = self._completer_of(params.ref, params.argument.name)
        settled = params.context.arguments if params.context is not None else None
        values: Sequence[str] = ()
        if completer is not None:
            with _told():
                values = await completer(params.argument.value[:_LONGEST_TYPED], settled or {})
        return types.CompleteResult(
            completion=types.Completion(
                values=list(values[:_MOST_COMPLETIONS]), total=len(values), has_more=len(values) > _MOST_COMPLETIONS
            )
        )

    def _completer_of(
        self, ref: types.ResourceTemplateReference | types.PromptReference, argument: str
    ) -> Completer | None:
        if isinstance(ref, types.PromptReference):
            prompt = self._prompts.get(ref.name)
            if prompt is None:
                raise MCPError(code=types.INVALID_PARAMS, message=f"There is no prompt {ref.name[:80]!r}.")
            return next((one.complete for one in prompt.arguments if one.name == argument), None)
        template = next((one for one in self._catalogue.resources if one.uri == ref.uri), None)
        if template is None:
            raise MCPError(code=types.INVALID_PARAMS, message=f"There is no resource template {ref.uri[:200]!r}.")
        return template.complete.get(argument)


async def _answer(
    tool: Tool[Any], context: Context, arguments: Mapping[str, Any]
) -> tuple[types.CallToolResult, str | None]:
    """What a tool answers, and the code of its error if it failed."""
    try:
        reply = await tool.call(context, tool.arguments.model_validate(arguments))
    except MCPError:
        raise
    except Exception as error:  # the last door before the client: whatever gets here is said as an error of the tool
        return to_mcp_error(error)
    return _result(reply, knows_structure=context.protocol_version not in _TEXT_ONLY), None


def _result(reply: Reply, *, knows_structure: bool) -> types.CallToolResult:
    structured = reply.result.model_dump(mode="json", exclude_none=True) if reply.result is not None else None
    texts = [reply.text] if reply.text else []
    if structured is not None and not knows_structure:
        texts.append(json.dumps(structured, ensure_ascii=False))
    return types.CallToolResult(
        content=[*(types.TextContent(type="text", text=text) for text in texts), *reply.content],
        structured_content=structured,
    )


def _contents(uri: str, content: Content) -> types.TextResourceContents | types.BlobResourceContents:
    if isinstance(content.data, str):
        return types.TextResourceContents(uri=uri, mime_type=content.mime_type, text=content.data)
    return types.BlobResourceContents(
        uri=uri, mime_type=content.mime_type, blob=base64.b64encode(content.data).decode("ascii")
    )


@contextmanager
def _told() -> Iterator[None]:
    """Say whatever goes wrong in the block as an error of the protocol."""
    try:
        yield
    except Exception as error:
        raise to_protocol_error(error) from error


def _require_first_page(params: types.PaginatedRequestParams | None) -> None:
    if params is not None and params.cursor is not None:
        raise MCPError(code=types.INVALID_PARAMS, message="There is one page: leave the cursor out.")
