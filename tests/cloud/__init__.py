"""Stand-ins for the commands that deploy the service, which keep what they were told in a file."""
