"""Neural nets at run time: detectors, embedders and attribute heads on ONNX Runtime."""
