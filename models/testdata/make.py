"""Makes the small networks of the tests. Usage: python make.py [folder], with the `onnx` package 1.23.2.

They are no networks: a few operators that keep the contract of models/doc.go, or break it in one way each.
  classifier      probability = sigmoid(mean of HU / 1000), activation = relu of HU on a coarse 4 x 4 grid
  segmenter       mask_probability = sigmoid(HU / 100)
  distance        the classifier with a third output: distance = |mean of HU / 1000|
  glass           a segmenter that is sure of HU from -750 to -350, as ground glass has, and of no other
  overflow        a classifier with an int8 convolution: its activation is 8 everywhere, and half of it where sums of two
                  products overflow 16 bits
  positive        a classifier whose probability is 1
  exact_classifier  probability = mean of HU / 1024 + 1, activation = maxima of 16 x 16 pixels: of whole HU in up to
                  128 x 128 pixels, the same to the bit on every processor, since no sum is rounded
  exact_segmenter the pixels of glass, 0 or 1 or 0.5, the same to the bit on every processor
  nan             a segmenter that gives 0 / 0 where HU is above 2000
  nan_classifier  a classifier that gives 0 / 0 as probability when the mean of HU is above 2000
  negative        a classifier whose activation is not clipped at 0
  output_name     a segmenter whose output has another name
  output_half     a segmenter whose output is float16
  output_shape    a segmenter that gives half of the rows
  input_rank      a segmenter that wants [N, H, W]
  determinant     a segmenter with an operator that OpenVINO lacks
  slow            a segmenter that computes for a long time, in many nodes
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
MASK = ("mask_probability", FLOAT, ["N", "H", "W"])
PROBABILITY = ("probability", FLOAT, ["N"])
DISTANCE = ("distance", FLOAT, ["N"])
ACTIVATION = ("activation", FLOAT, ["N", "h", "w"])
HU = ("hu", FLOAT, ["N", 1, "H", "W"])


def constant(name: str, value: np.ndarray) -> onnx.TensorProto:
    return numpy_helper.from_array(value, name)


def scalar(name: str, value: float) -> onnx.TensorProto:
    return constant(name, np.array(value, np.float32))


def save(folder: Path, name: str, nodes: list, constants: list, outputs: list, inputs: tuple = (HU,)) -> None:
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(*i) for i in inputs],
        [helper.make_tensor_value_info(*o) for o in outputs],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="make.py")
    onnx.checker.check_model(model)
    onnx.save(model, folder / f"{name}.onnx")


def classifier(folder: Path, name: str, *, nan: bool = False, clip: bool = True, positive: bool = False, far: bool = False) -> None:
    node = helper.make_node
    nodes = [
        node("Div", ["hu", "thousand"], ["scaled"]),
        node("ReduceMean", ["scaled"], ["mean"], axes=[1, 2, 3], keepdims=0),
        node("Resize", ["hu", "", "", "sizes"], ["coarse"], mode="linear"),
        node("Squeeze", ["coarse", "one"], ["grid"]),
        node("Relu" if clip else "Identity", ["grid"], ["activation"]),
    ]
    constants = [scalar("thousand", 1000), constant("one", np.array([1])), constant("sizes", np.array([1, 1, 4, 4]))]
    if positive:
        constants.append(scalar("sure", 100))
        nodes += [node("Add", ["mean", "sure"], ["high"]), node("Sigmoid", ["high"], ["probability"])]
    elif nan:
        constants.append(scalar("two", 2))
        nodes += [
            node("Sub", ["two", "mean"], ["falling"]),
            node("Relu", ["falling"], ["numerator"]),
            node("Div", ["numerator", "numerator"], ["probability"]),
        ]
    else:
        nodes.append(node("Sigmoid", ["mean"], ["probability"]))
    outputs = [PROBABILITY, ACTIVATION]
    if far:
        nodes.append(node("Abs", ["mean"], ["distance"]))
        outputs.append(DISTANCE)
    save(folder, name, nodes, constants, outputs)


def exact(folder: Path) -> None:
    node = helper.make_node
    nodes = [
        node("ReduceMean", ["hu"], ["mean"], axes=[1, 2, 3], keepdims=0),
        node("Div", ["mean", "range"], ["share"]),
        node("Add", ["share", "sure"], ["above"]),
        node("Clip", ["above", "never", "sure"], ["probability"]),
        node("MaxPool", ["hu"], ["coarse"], kernel_shape=[16, 16], strides=[16, 16]),
        node("Squeeze", ["coarse", "channel"], ["grid"]),
        node("Relu", ["grid"], ["activation"]),
    ]
    constants = [scalar("range", 1024), scalar("never", 0), scalar("sure", 1), constant("channel", np.array([1]))]
    save(folder, "exact_classifier", nodes, constants, [PROBABILITY, ACTIVATION])
    nodes = [
        node("Squeeze", ["hu", "channel"], ["picture"]),
        node("Sub", ["picture", "middle"], ["off"]),
        node("Abs", ["off"], ["distance"]),
        node("Sub", ["reach", "distance"], ["within"]),
        node("Clip", ["within", "never", "sure"], ["mask_probability"]),
    ]
    constants = [scalar("middle", -550), scalar("reach", 200.5), scalar("never", 0), scalar("sure", 1), constant("channel", np.array([1]))]
    save(folder, "exact_segmenter", nodes, constants, [MASK])


def overflow(folder: Path) -> None:
    """255 x 127 twice is 64,770, and the int8 kernels for AVX2 without VNNI add two products in 16 bits."""
    node = helper.make_node
    zero = [constant("u0", np.array(0, np.uint8)), constant("s0", np.array(0, np.int8))]
    nodes = [
        node("Div", ["hu", "thousand"], ["scaled"]),
        node("ReduceMean", ["scaled"], ["mean"], axes=[1, 2, 3], keepdims=0),
        node("Sigmoid", ["mean"], ["probability"]),
        node("Resize", ["hu", "", "", "sizes"], ["coarse"], mode="linear"),
        node("Abs", ["coarse"], ["distance"]),
        node("Add", ["distance", "thousand"], ["large"]),
        node("Sigmoid", ["large"], ["ones"]),  # depends on the picture, so it is not folded away
        node("Concat", ["ones"] * 8, ["x"], axis=1),
        node("QuantizeLinear", ["x", "x_scale", "u0"], ["xq"]),
        node("DequantizeLinear", ["xq", "x_scale", "u0"], ["xd"]),
        node("DequantizeLinear", ["w", "w_scale", "s0"], ["wd"]),
        node("Conv", ["xd", "wd"], ["y"]),
        node("QuantizeLinear", ["y", "y_scale", "u0"], ["yq"]),
        node("DequantizeLinear", ["yq", "y_scale", "u0"], ["yd"]),
        node("ReduceMean", ["yd"], ["activation"], axes=[1], keepdims=0),
    ]
    constants = [scalar("thousand", 1000), constant("sizes", np.array([1, 1, 4, 4])), *zero, scalar("x_scale", 1 / 255)]
    constants += [scalar("w_scale", 1 / 127), scalar("y_scale", 8 / 255), constant("w", np.full((8, 8, 1, 1), 127, np.int8))]
    save(folder, "overflow", nodes, constants, [PROBABILITY, ACTIVATION])


def segmenter(folder: Path, name: str, last: list, constants: tuple = (), outputs: tuple = (MASK,), inputs: tuple = (HU,)) -> None:
    """`last` goes from `picture`, HU as [N, H, W], and `p`, sigmoid(HU / 100), to the outputs."""
    node = helper.make_node
    flat = len(inputs[0][2]) == 3
    nodes = [
        node("Identity", ["hu"], ["picture"]) if flat else node("Squeeze", ["hu", "channel"], ["picture"]),
        node("Div", ["picture", "hundred"], ["scaled"]),
        node("Sigmoid", ["scaled"], ["p"]),
        *last,
    ]
    channel = [] if flat else [constant("channel", np.array([1]))]
    save(folder, name, nodes, [scalar("hundred", 100), *channel, *constants], list(outputs), inputs)


def main(folder: Path) -> None:
    node = helper.make_node
    identity = node("Identity", ["p"], ["mask_probability"])
    classifier(folder, "classifier")
    classifier(folder, "nan_classifier", nan=True)
    classifier(folder, "negative", clip=False)
    classifier(folder, "positive", positive=True)
    classifier(folder, "distance", far=True)
    exact(folder)
    overflow(folder)
    segmenter(folder, "segmenter", [identity])
    band = [
        node("Sub", ["picture", "middle"], ["off"]),
        node("Abs", ["off"], ["distance"]),
        node("Sub", ["reach", "distance"], ["within"]),
        node("Sigmoid", ["within"], ["mask_probability"]),
    ]
    segmenter(folder, "glass", band, (scalar("middle", -550), scalar("reach", 200.5)))
    nan = [node("Sub", ["dense", "picture"], ["falling"]), node("Relu", ["falling"], ["n"]), node("Div", ["n", "n"], ["mask_probability"])]
    segmenter(folder, "nan", nan, (scalar("dense", 2000),))
    segmenter(folder, "output_name", [node("Identity", ["p"], ["mask"])], outputs=[("mask", FLOAT, ["N", "H", "W"])])
    half = TensorProto.FLOAT16
    cast = node("Cast", ["p"], ["mask_probability"], to=half)
    segmenter(folder, "output_half", [cast], outputs=[("mask_probability", half, ["N", "H", "W"])])
    rows = [constant(n, np.array([v])) for n, v in (("from", 0), ("to", 2**31), ("axis", 1), ("step", 2))]
    segmenter(folder, "output_shape", [node("Slice", ["p", "from", "to", "axis", "step"], ["mask_probability"])], rows)
    segmenter(folder, "input_rank", [identity], inputs=[("hu", FLOAT, ["N", "H", "W"])])
    corner = [constant(n, np.array(v)) for n, v in (("from", [0, 0]), ("to", [2, 2]), ("axes", [1, 2]))]
    determinant = [
        node("Slice", ["p", "from", "to", "axes"], ["corner"]),
        node("Det", ["corner"], ["determinant"]),
        node("Mul", ["determinant", "nothing"], ["zero"]),
        node("Add", ["p", "zero"], ["mask_probability"]),
    ]
    segmenter(folder, "determinant", determinant, (*corner, scalar("nothing", 0)))
    # 350 times x -> sigmoid(sigmoid(x) * hu) cannot be folded or fused away.
    slow, before = [], "p"
    for i in range(350):
        slow += [node("Mul", [before, "scaled"], [f"m{i}"]), node("Sigmoid", [f"m{i}"], [f"s{i}"])]
        before = f"s{i}"
    segmenter(folder, "slow", [*slow, node("Identity", [before], ["mask_probability"])])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
