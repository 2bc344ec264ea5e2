"""Milliseconds per slice of the shipped networks beside a plain VGG-16's convolutions, by the runtime that serves them.

`bench/nets` measures the same from Go, as the node runs them.
"""

import statistics
import time

import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper

from jcs.engine import OpenVINO
from jcs.machine import processor
from jcs.networks.segmenter import VGG16
from jcs.validate import session

SIDE = 512
ROUNDS = 7
LEAST_SECONDS = 0.2  # of one measurement
CASE_SLICES, CASE_POSITIVE = 300, 100


def reference(side: int) -> onnx.ModelProto:
    """VGG-16's convolutions in fp32 with random weights: `x` [1, 3, side, side] -> `y` [1, 512, side/16, side/16]."""
    rng = np.random.default_rng(1)
    nodes, weights, channels, before = [], [], 3, "x"
    for number, block in enumerate(VGG16):
        if number:
            nodes.append(helper.make_node("MaxPool", [before], [f"pool{number}"], kernel_shape=[2, 2], strides=[2, 2]))
            before = f"pool{number}"
        for position, width in enumerate(block):
            name = f"conv{number + 1}_{position + 1}"
            # He's scale keeps activations ordinary: values that die or grow cost more or less than a network's.
            weights.append(
                numpy_helper.from_array(rng.normal(0, (2 / (9 * channels)) ** 0.5, (width, channels, 3, 3)).astype(np.float32), f"{name}.w")
            )
            nodes.append(helper.make_node("Conv", [before, f"{name}.w"], [name], kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
            nodes.append(helper.make_node("Relu", [name], [f"{name}.relu"]))
            channels, before = width, f"{name}.relu"
    nodes.append(helper.make_node("Identity", [before], ["y"]))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, side, side])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, channels, side // 16, side // 16])
    return helper.make_model(
        helper.make_graph(nodes, "vgg16", [x], [y], weights), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )


def milliseconds(run: onnxruntime.InferenceSession | OpenVINO, inputs: dict[str, np.ndarray]) -> float:
    """Wall time of one call, the mean of as many as fill LEAST_SECONDS."""
    calls, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < LEAST_SECONDS or not calls:
        run.run(None, inputs)
        calls += 1
    return 1000 * passed / calls


def measure(files: dict[str, bytes], hu: np.ndarray, threads: tuple[int, ...] = (1, 2), rounds: int = ROUNDS, side: int = SIDE) -> dict:
    """Medians for each of the shipped `files` (name -> ONNX bytes) on a slice hu [side, side], and for the reference.

    They take turns, so that other work on the machine touches all of them.
    """
    inputs = {"hu": hu.astype(np.float32)[None, None]}
    rows = []
    for count in threads:
        runs = {name: (session(content, count), inputs) for name, content in files.items()}
        runs |= {f"{name}, OpenVINO": (OpenVINO(content, count), inputs) for name, content in files.items()}
        runs["VGG-16 convolutions, fp32"] = (
            session(reference(side).SerializeToString(), count),
            {"x": np.ones((1, 3, side, side), np.float32)},
        )
        times: dict[str, list[float]] = {name: [] for name in runs}
        for turn in range(rounds + 1):
            for name, pair in runs.items():
                value = milliseconds(*pair)
                if turn:  # the first one warms
                    times[name].append(value)
        rows += [{"name": name, "threads": count, "ms": round(statistics.median(values), 1)} for name, values in times.items()]
    return {
        "processor": processor(),
        "runtime": onnxruntime.__version__,
        "openvino": openvino.__version__.partition("-")[0],
        "side": side,
        "rounds": rounds,
        "rows": rows,
    }


def case_seconds(classifier_ms: float, segmenter_ms: float) -> dict[str, float]:
    """A study of CASE_SLICES slices: all classified; CASE_POSITIVE or all of them segmented."""
    classify = CASE_SLICES * classifier_ms / 1000
    return {"classify": classify, "segment_positive": CASE_POSITIVE * segmenter_ms / 1000, "segment_all": CASE_SLICES * segmenter_ms / 1000}
