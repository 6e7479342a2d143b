"""Voicebanks on their way between a bucket and this machine's disk."""
