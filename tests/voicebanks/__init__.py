"""Tiny DiffSinger voicebanks, generated: every variant of the format without a single trained weight."""
