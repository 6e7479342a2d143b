"""Sound in arrays and files: placing, loudness, resampling, encoding. Knows nothing of scores or voicebanks."""
