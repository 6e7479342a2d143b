"""What the tests of the MCP server share: clients, and a server for the public conformance suite."""
