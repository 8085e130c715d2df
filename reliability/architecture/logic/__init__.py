"""Energy, area, time multiplexing, layout and streams of a chip around its array."""
