"""Singing for assistants: the tools, resources and prompts of the Model Context Protocol.

The one part of the package, with the HTTP api, that imports pydantic; nothing outside of ``cantilena mcp`` imports it.
"""
