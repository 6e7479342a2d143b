"""Tokens such as Google signs, made with keys of the tests' own, and a server that gives out the certificates."""

from tests.tokens.mint import PROJECT, Mint
from tests.tokens.server import KeyServer, run_key_server

__all__ = ["PROJECT", "KeyServer", "Mint", "run_key_server"]
