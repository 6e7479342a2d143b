"""Recipes for the pronunciation data that ``cantilena.language`` ships; nothing of it is needed to sing."""
