"""Deep networks, from ONNX files: layers in cells, the graph that is executed, accuracy."""
