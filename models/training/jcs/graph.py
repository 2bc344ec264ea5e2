"""The served ONNX graphs: what stands before and after a network's convolutions, as the contract with the node says.

Input `hu` float32 [N, 1, H, W] in Hounsfield units, any N, H, W. The classifier answers `probability` [N],
`activation` [N, ACTIVATION_GRID, ACTIVATION_GRID] over the whole slice and, from 0.3 on, `distance` [N] (jcs.distance); the segmenter
`mask_probability` [N, H, W] at the input's size. Window, scaling, the frame around the lungs and the way back are in the graph and always
float32; only the part between (the core) may be quantised.
"""

from collections.abc import Callable

import onnx
import onnx.compose
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from jcs.distance import Distance
from jcs.frame import lung_frame, put_back, resample
from jcs.networks.res2net import Res2Net, activation_mapping
from jcs.networks.segmenter import STRIDE, Segmenter, fold_normalisation
from jcs.prepare import AIR, WINDOW, prepare

OPSET = 18
PREPARED, FRAME, FEATURES, LOGITS = "prepared", "frame", "features", "logits"
COVID = 1
ACTIVATION_GRID = 64  # eq. 2 has a value for each of 7 x 7 cells of the frame; they are interpolated on this grid over the slice


class Preparation(nn.Module):
    """`hu` -> `prepared` [N, 3, size, size] and `frame` [N, 4]."""

    def __init__(self, size: int):
        super().__init__()
        self.size = size

    def forward(self, hu: Tensor) -> tuple[Tensor, Tensor]:
        frame = lung_frame(hu)
        return prepare(resample(hu.clamp(*WINDOW), frame, (self.size, self.size), AIR)), frame


class ClassifierAnswer(nn.Module):
    """Softmax of the FC layer after pooling, and a mapping (JCS eq. 1 and 2) of its probability, put back on the slice.

    `mapping` takes features [N, C, h, w] and the FC layer's weights [2, C]. With a `distance` the slice's own is a third answer, and the
    prepared input a fourth input.
    """

    def __init__(
        self,
        network: Res2Net,
        mapping: Callable[[Tensor, Tensor], Tensor] = activation_mapping,
        distance: Distance | None = None,
    ):
        super().__init__()
        self.fc = network.fc
        self.mapping = mapping
        self.distance = distance

    def forward(self, features: Tensor, frame: Tensor, hu: Tensor, prepared: Tensor | None = None) -> tuple[Tensor, ...]:
        pooled = features.mean((2, 3))
        probability = torch.softmax(self.fc(pooled), 1)[:, COVID]
        cells = self.mapping(features, self.fc.weight)
        grid = (ACTIVATION_GRID, ACTIVATION_GRID)
        answers = probability, put_back(cells.unsqueeze(1), frame, hu.shape[2], hu.shape[3], grid)[:, 0]
        return (*answers, self.distance(pooled, prepared)) if self.distance else answers


class SegmenterAnswer(nn.Module):
    """Probability at the size of `hu`; 0 outside the frame."""

    def forward(self, logits: Tensor, frame: Tensor, hu: Tensor) -> Tensor:
        rows, columns = hu.shape[2], hu.shape[3]
        # Interpolation may leave 0..1 by a rounding error.
        return put_back(torch.sigmoid(logits), frame, rows, columns, (rows, columns))[:, 0].clamp(0.0, 1.0)


class ClassifierCore(nn.Module):
    def __init__(self, network: Res2Net):
        super().__init__()
        self.network = network

    def forward(self, prepared: Tensor) -> Tensor:
        return self.network.features(prepared)


class SegmenterCore(nn.Module):
    """The finest of the logit maps that the network gives."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, prepared: Tensor) -> Tensor:
        return self.network(prepared)[0]


def exported(
    module: nn.Module, example: tuple[Tensor, ...], inputs: dict[str, dict[int, torch.export.Dim]], outputs: list[str]
) -> onnx.ModelProto:
    """A module as ONNX; `inputs` names the inputs and their free dimensions."""
    program = torch.onnx.export(
        module.eval(),
        example,
        dynamo=True,
        opset_version=OPSET,
        input_names=list(inputs),
        output_names=outputs,
        dynamic_shapes=tuple(inputs.values()),
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


def free_dimensions() -> tuple[torch.export.Dim, torch.export.Dim, torch.export.Dim]:
    return torch.export.Dim("N", min=1), torch.export.Dim("H", min=2), torch.export.Dim("W", min=2)


def core(module: nn.Module, size: int, output: str) -> onnx.ModelProto:
    """Export a core: `prepared` [N, 3, size, size] -> `output`, with N free."""
    return exported(module, (torch.zeros(2, 3, size, size),), {PREPARED: {0: free_dimensions()[0]}}, [output])


def preparation(module: nn.Module) -> onnx.ModelProto:
    """Export what stands before the core: `Preparation`, or another module with its inputs and outputs."""
    n, h, w = free_dimensions()
    return exported(module, (torch.zeros(2, 1, 70, 80),), {"hu": {0: n, 2: h, 3: w}}, [PREPARED, FRAME])


def answer(module: nn.Module, middle: Tensor, name: str, outputs: list[str], size: int | None = None) -> onnx.ModelProto:
    """What follows the core, whose output is like `middle` [2, C, h, w]; with a `size` it sees the core's input, too."""
    n, h, w = free_dimensions()
    given = (middle, torch.tensor([[10.0, 12.0, 40.0, 30.0]] * 2), torch.zeros(2, 1, 70, 80))
    inputs = {name: {0: n}, FRAME: {0: n}, "hu": {0: n, 2: h, 3: w}}
    if size is None:
        return exported(module, given, inputs, outputs)
    return exported(module, (*given, torch.zeros(2, 3, size, size)), inputs | {PREPARED: {0: n}}, outputs)


def classifier_core(network: Res2Net, size: int) -> onnx.ModelProto:
    return core(ClassifierCore(network), size, FEATURES)


def segmenter_core(network: Segmenter, size: int) -> onnx.ModelProto:
    if size % STRIDE:
        raise ValueError(f"size {size} is not a multiple of {STRIDE}")
    fold_normalisation(network.eval())
    return core(SegmenterCore(network), size, LOGITS)


def assemble(name: str, parts: list[onnx.ModelProto], outputs: dict[str, list[str | int]]) -> onnx.ModelProto:
    """One graph from preparation, core and answer, joined by their inputs' and outputs' names; `outputs` maps each to its dimensions."""
    parts = [
        onnx.compose.add_prefix(part, f"{prefix}_", rename_inputs=False, rename_outputs=False)
        for part, prefix in zip(parts, ("before", "core", "after"))
    ]
    graph = helper.make_graph(
        [node for part in parts for node in part.graph.node],
        name,
        [helper.make_tensor_value_info("hu", TensorProto.FLOAT, ["N", 1, "H", "W"])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape) for output, shape in outputs.items()],
        [constant for part in parts for constant in part.graph.initializer],
    )
    imports = {o.domain: o.version for part in parts for o in part.opset_import}
    versions = [helper.make_opsetid(domain, version) for domain, version in imports.items()]
    ir_version = min(10, *(part.ir_version for part in parts))
    model = helper.make_model(graph, opset_imports=versions, ir_version=ir_version, producer_name="jcsnode")
    onnx.checker.check_model(model, full_check=True)
    return model


def classifier(
    middle: onnx.ModelProto,
    network: Res2Net,
    size: int,
    before: nn.Module | None = None,
    mapping: Callable[[Tensor, Tensor], Tensor] = activation_mapping,
    distance: Distance | None = None,
) -> onnx.ModelProto:
    """The served classifier around its core. `before`: what prepares its input instead of `Preparation`."""
    cells = -(-size // 32)
    features = torch.zeros(2, network.fc.in_features, cells, cells)
    outputs: dict[str, list[str | int]] = {"probability": ["N"], "activation": ["N", ACTIVATION_GRID, ACTIVATION_GRID]}
    outputs |= {"distance": ["N"]} if distance else {}
    after = answer(ClassifierAnswer(network, mapping, distance), features, FEATURES, list(outputs), size if distance else None)
    return assemble("jcs_classifier", [preparation(before or Preparation(size)), middle, after], outputs)


def segmenter(middle: onnx.ModelProto, size: int, before: nn.Module | None = None) -> onnx.ModelProto:
    """The served segmenter around its core. `before`: as for the classifier."""
    after = answer(SegmenterAnswer(), torch.zeros(2, 1, size, size), LOGITS, ["mask_probability"])
    parts = [preparation(before or Preparation(size)), middle, after]
    return assemble("jcs_segmenter", parts, {"mask_probability": ["N", "H", "W"]})
