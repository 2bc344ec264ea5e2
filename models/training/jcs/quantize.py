"""Smaller numbers for the served core: int8 (QDQ, calibrated on slices) or fp16 storage with fp32 arithmetic."""

import pathlib
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from jcs.graph import PREPARED

NEARLY_ALL = 99.995  # percent
# Weights below this count are not worth a conversion.
SMALLEST_HALVED = 1024


class Batches(CalibrationDataReader):
    """Prepared slices [N, 3, S, S], one at a time."""

    def __init__(self, prepared: np.ndarray):
        self.left = iter(prepared)

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self.left, None)
        return None if image is None else {PREPARED: image[None]}


def int8(core: onnx.ModelProto, prepared: np.ndarray, float_nodes: tuple[str, ...] = ()) -> onnx.ModelProto:
    """Activations uint8 by the range of nearly all their values over `prepared`, weights int8 for each channel.

    By the range of all, a few far values make the steps between the others coarse: probabilities moved by 0.05 on average, now by 0.01.
    `float_nodes` stay as they are.
    """
    with tempfile.TemporaryDirectory() as work:
        plain, clean, small = (pathlib.Path(work, name) for name in ("plain.onnx", "clean.onnx", "small.onnx"))
        onnx.save(core, plain)
        quant_pre_process(plain, clean, skip_symbolic_shape=True)
        quantize_static(
            clean,
            small,
            Batches(prepared),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            calibrate_method=CalibrationMethod.Percentile,
            extra_options={"CalibPercentile": NEARLY_ALL},
            nodes_to_exclude=list(float_nodes),
        )
        return onnx.load(small)


def fp16_storage(model: onnx.ModelProto) -> onnx.ModelProto:
    """Large float32 constants as float16 with a cast behind them; the runtime folds the casts when it loads."""
    halved = onnx.ModelProto()
    halved.CopyFrom(model)
    casts, kept = [], []
    for tensor in halved.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST_HALVED:
            kept.append(tensor)
            continue
        kept.append(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name + ".half"))
        casts.append(helper.make_node("Cast", [tensor.name + ".half"], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*casts, *halved.graph.node]
    del halved.graph.initializer[:], halved.graph.node[:]
    halved.graph.initializer.extend(kept)
    halved.graph.node.extend(nodes)
    return halved
