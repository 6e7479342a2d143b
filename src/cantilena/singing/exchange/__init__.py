"""Middle results as JSON: plain values, their text, the phrases, the song, and whether what was edited still fits."""
