"""A DiffSinger voicebank on disk: its configuration, its symbols and speakers, its models."""

from cantilena.voicebank.bundle import Voicebank
from cantilena.voicebank.library import VoicebankInfo, describe_voicebank, find_voicebank, list_voicebanks
from cantilena.voicebank.opening import open_voicebank

__all__ = ["Voicebank", "VoicebankInfo", "describe_voicebank", "find_voicebank", "list_voicebanks", "open_voicebank"]
