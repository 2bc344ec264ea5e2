"""The served ONNX graphs: what stands before and after a network's convolutions, as the contract with the node says.

Input `hu` float32 [N, 1, H, W] in Hounsfield units, any N, H, W. The classifier answers `probability` [N] and
`activation` [N, h, w]; the segmenter `mask_probability` [N, H, W] at the input's size. Window, scaling, resizing and the
way back are in the graph and always float32; only the part between (the core) may be quantised.
"""

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from jcs.networks.res2net import Res2Net, mapping_weights
from jcs.networks.segmenter import STRIDE, Segmenter, fold_normalisation
from jcs.prepare import GREY_CENTRE, GREY_SPREAD, WINDOW

OPSET = 18
PREPARED, FEATURES, LOGITS = "prepared", "features", "logits"
COVID = 1
# As `jcs.prepare.resize`: averages when it shrinks, and counts only what lies inside at the border.
RESIZE = {"axes": [2, 3], "mode": "linear", "antialias": 1, "exclude_outside": 1}


class ClassifierCore(nn.Module):
    def __init__(self, network: Res2Net):
        super().__init__()
        self.network = network

    def forward(self, prepared: Tensor) -> Tensor:
        return self.network.features(prepared)


class SegmenterCore(nn.Module):
    def __init__(self, network: Segmenter):
        super().__init__()
        self.network = network

    def forward(self, prepared: Tensor) -> Tensor:
        return self.network(prepared)[0]


def core(module: nn.Module, size: int, output: str) -> onnx.ModelProto:
    """Export a core: `prepared` [N, 3, size, size] -> `output`, with N free."""
    batch = torch.export.Dim("N", min=1)
    program = torch.onnx.export(
        module.eval(),
        (torch.zeros(2, 3, size, size),),
        dynamo=True,
        opset_version=OPSET,
        input_names=[PREPARED],
        output_names=[output],
        dynamic_shapes=({0: batch},),
        external_data=False,
        verbose=False,
    )
    model = program.model_proto
    model.graph.ClearField("value_info")
    model.graph.ClearField("metadata_props")
    for node in model.graph.node:
        # The exporter's notes hold the source paths of the machine that exported.
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    return model


def classifier_core(network: Res2Net, size: int) -> onnx.ModelProto:
    return core(ClassifierCore(network), size, FEATURES)


def segmenter_core(network: Segmenter, size: int) -> onnx.ModelProto:
    if size % STRIDE:
        raise ValueError(f"size {size} is not a multiple of {STRIDE}")
    fold_normalisation(network.eval())
    return core(SegmenterCore(network), size, LOGITS)


class Builder:
    """Collects nodes and constants that go before or after a core."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=f"jcs_{output}", **attributes))
        return output


def preparation(size: int) -> Builder:
    """`jcs.prepare.prepare` and `resize` as nodes: `hu` -> `prepared`."""
    build = Builder()
    low, high = (build.constant(f"jcs_window_{n}", np.float32(v)) for n, v in zip(("low", "high"), WINDOW))
    clipped = build.node("Clip", ["hu", low, high], "clipped")
    sizes = build.constant("jcs_size", np.array([size, size], np.int64))
    resized = build.node("Resize", [clipped, "", "", sizes], "resized", **RESIZE)
    centre = WINDOW[0] + GREY_CENTRE * (WINDOW[1] - WINDOW[0])
    spread = GREY_SPREAD * (WINDOW[1] - WINDOW[0])
    centred = build.node("Sub", [resized, build.constant("jcs_centre", np.float32(centre))], "centred")
    grey = build.node("Div", [centred, build.constant("jcs_spread", np.float32(spread))], "grey")
    build.node("Concat", [grey, grey, grey], PREPARED, axis=1)
    return build


def classifier_answer(network: Res2Net, positions: int) -> Builder:
    """`features` -> `probability` (softmax of the FC layer after pooling) and `activation` (JCS eq. 2)."""
    build = Builder()
    weight, bias = network.fc.weight.detach(), network.fc.bias.detach()
    axes = build.constant("jcs_positions", np.array([2, 3], np.int64))
    pooled = build.node("ReduceMean", [FEATURES, axes], "pooled", keepdims=0)
    logits = build.node(
        "Gemm", [pooled, build.constant("fc.weight", weight.numpy()), build.constant("fc.bias", bias.numpy())], "slice_logits", transB=1
    )
    both = build.node("Softmax", [logits], "both_probabilities", axis=1)
    build.node("Gather", [both, build.constant("jcs_covid", np.int64(COVID))], "probability", axis=1)
    row = mapping_weights(weight, positions, COVID).clamp(min=0)[None, :, None, None]
    evidence = build.node("Conv", [FEATURES, build.constant("jcs_mapping", row.numpy())], "evidence")
    build.node("Squeeze", [evidence, build.constant("jcs_channel", np.array([1], np.int64))], "activation")
    return build


def segmenter_answer() -> Builder:
    """`logits` -> `mask_probability` at the size of `hu`."""
    build = Builder()
    probability = build.node("Sigmoid", [LOGITS], "network_probability")
    size = build.node("Shape", ["hu"], "hu_size", start=2, end=4)
    whole = build.node("Resize", [probability, "", "", size], "whole_probability", **RESIZE)
    # Interpolation may leave 0..1 by a rounding error.
    inside = build.node("Clip", [whole, build.constant("jcs_zero", np.float32(0)), build.constant("jcs_one", np.float32(1))], "inside_probability")
    build.node("Squeeze", [inside, build.constant("jcs_channel", np.array([1], np.int64))], "mask_probability")
    return build


def assemble(name: str, middle: onnx.ModelProto, before: Builder, after: Builder, outputs: dict[str, list[str]]) -> onnx.ModelProto:
    """One graph from preparation, core and answer; `outputs` maps each output to the names of its dimensions."""
    graph = helper.make_graph(
        [*before.nodes, *middle.graph.node, *after.nodes],
        name,
        [helper.make_tensor_value_info("hu", TensorProto.FLOAT, ["N", 1, "H", "W"])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape) for output, shape in outputs.items()],
        [*before.constants, *middle.graph.initializer, *after.constants],
    )
    imports = [helper.make_opsetid(o.domain, o.version) for o in middle.opset_import]
    model = helper.make_model(graph, opset_imports=imports, ir_version=min(middle.ir_version, 10), producer_name="jcsnode")
    onnx.checker.check_model(model, full_check=True)
    return model


def classifier(middle: onnx.ModelProto, network: Res2Net, size: int) -> onnx.ModelProto:
    cells = -(-size // 32)
    outputs = {"probability": ["N"], "activation": ["N", cells, cells]}
    return assemble("jcs_classifier", middle, preparation(size), classifier_answer(network, cells * cells), outputs)


def segmenter(middle: onnx.ModelProto, size: int) -> onnx.ModelProto:
    return assemble("jcs_segmenter", middle, preparation(size), segmenter_answer(), {"mask_probability": ["N", "H", "W"]})
