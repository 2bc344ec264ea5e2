"""OpenVINO beside ONNX Runtime: the node runs the same files in either (models/openvino.go)."""

import pathlib
from collections.abc import Sequence

import numpy as np
import openvino


def miscalculates() -> bool:
    """Whether this processor lacks VNNI: OpenVINO's int8 kernels overflow then, and the node does not use it (models/device.go)."""
    return not {"avx512_vnni", "avx_vnni"} & set(pathlib.Path("/proc/cpuinfo").read_text().split())


class OpenVINO:
    """A served file on the CPU, called like an `onnxruntime.InferenceSession`."""

    def __init__(self, model: bytes, threads: int):
        # As the node sets it: without the hint processors with AMX take bfloat16 for what is float32.
        settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
        core = openvino.Core()
        self.request = core.compile_model(core.read_model(model=model), "CPU", settings).create_infer_request()

    def run(self, names: Sequence[str] | None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The outputs of these names, or all, as copies."""
        by_name = {output.get_any_name(): value for output, value in self.request.infer(inputs).items()}
        return [by_name[name].copy() for name in names or by_name]
