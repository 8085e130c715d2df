"""Networks of one layer: their weights in cells, and three codings."""
