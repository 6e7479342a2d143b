"""Thin doors: each parses its input, calls the library and translates result and error."""
