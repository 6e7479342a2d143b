"""What a server offers: tools, resources and prompts as data with a function each.

Conventions
-----------
Whatever a client sends is checked by a pydantic model before a function sees it. Functions raise the errors of
:mod:`cantilena.errors`; :mod:`cantilena.interfaces.mcp.errors` says them to the client.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

import mcp_types as types
from mcp.server import ServerRequestContext
from mcp.shared.uri_template import UriTemplate
from pydantic import BaseModel, ConfigDict

from cantilena.interfaces.mcp.schemas import input_schema, output_schema


class Arguments(BaseModel):
    """Arguments of a tool; what it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


ArgumentsT = TypeVar("ArgumentsT", bound=Arguments)
Context = ServerRequestContext[Any, Any]
Completer = Callable[[str, Mapping[str, str]], Awaitable[Sequence[str]]]
"""What an argument may be, from what was typed so far and the arguments that are settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a tool answers.

    Attributes
    ----------
    text : str
        One line for those who cannot read the rest; holds nothing that a score says.
    result : BaseModel or None
        The answer itself.
    content : tuple of content blocks
        What follows the line: links, audio.
    """

    text: str
    result: BaseModel | None = None
    content: tuple[types.ContentBlock, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Tool(Generic[ArgumentsT]):
    """One tool.

    Attributes
    ----------
    name, title, description : str
        How an assistant finds it.
    arguments : type
        Model of what it takes.
    result : type or None
        Model of what it gives.
    call : callable
        What it does.
    annotations : ToolAnnotations
        What may happen when it is called.
    """

    name: str
    title: str
    description: str
    arguments: type[ArgumentsT]
    call: Callable[[Context, ArgumentsT], Awaitable[Reply]]
    annotations: types.ToolAnnotations
    result: type[BaseModel] | None = None

    @cached_property
    def listing(self) -> types.Tool:
        """The tool as it is listed."""
        return types.Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=input_schema(self.arguments),
            output_schema=output_schema(self.result) if self.result is not None else None,
            annotations=self.annotations,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is read from a resource."""

    data: bytes | str
    mime_type: str


@dataclass(frozen=True, kw_only=True)
class ResourceTemplate:
    """Resources whose address has variables, or none.

    Attributes
    ----------
    uri, name, title, description, mime_type
        As they are listed.
    read : callable
        From the variables in the address to the content.
    listed : callable or None
        Those that exist now.
    complete : mapping of str to Completer
        What the variables may be.
    """

    uri: str
    name: str
    title: str
    description: str
    mime_type: str | None = None
    read: Callable[[Context, Mapping[str, str]], Awaitable[Content]]
    listed: Callable[[Context], Awaitable[Sequence[types.Resource]]] | None = None
    complete: Mapping[str, Completer] = field(default_factory=dict)

    @cached_property
    def template(self) -> UriTemplate:
        return UriTemplate.parse(self.uri)

    def match(self, uri: str) -> Mapping[str, str] | None:
        """The variables of an address of this kind, None for any other."""
        found = self.template.match(uri)
        return None if found is None else {name: str(value) for name, value in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """An argument of a prompt."""

    name: str
    description: str
    required: bool = False
    complete: Completer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A wish that people have often, to be chosen from a menu."""

    name: str
    title: str
    description: str
    arguments: tuple[Argument, ...] = ()
    messages: Callable[[Mapping[str, str]], Sequence[types.PromptMessage]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Everything that a server offers, and how it is told to use it."""

    instructions: str
    tools: tuple[Tool[Any], ...] = ()
    resources: tuple[ResourceTemplate, ...] = ()
    prompts: tuple[Prompt, ...] = ()
