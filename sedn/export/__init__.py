"""A finished run as one ONNX file, for programs without torch."""
