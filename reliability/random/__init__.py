"""Keyed counter-based random streams: a cell gets the same number whoever asks, whenever."""

from reliability.random.keyed import (
    draw,
    fill_float32,
    fill_words,
    low_words,
    stream,
    uniform_of,
)

__all__ = ["draw", "fill_float32", "fill_words", "low_words", "stream", "uniform_of"]
