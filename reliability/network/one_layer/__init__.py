"""Networks of one layer: their weights in cells, and three evaluators: spiking, formal, in time."""
