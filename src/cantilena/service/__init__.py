"""What the service does, over the ports: nothing here knows HTTP, MCP or any outside service."""
