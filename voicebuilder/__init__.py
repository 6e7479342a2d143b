"""Builds Vesper, the built-in singing voice, from a labelled speech corpus.

**Conventions**: frame ``i`` is centred at ``(i + 0.5) * HOP_SIZE`` samples; every frame has two sub-frames; spectral
envelopes are natural logs of filter magnitudes in 128 Slaney mel bins.
"""
