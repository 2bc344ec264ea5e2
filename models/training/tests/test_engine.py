"""OpenVINO answers like ONNX Runtime, by name and whatever the size."""

import numpy as np
import onnx
from onnx import TensorProto, helper

from jcs import engine, validate


def test_openvino_is_called_like_onnx_runtime_and_agrees():
    hu = helper.make_tensor_value_info("hu", TensorProto.FLOAT, ["N", 1, "H", "W"])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1, "H", "W"]) for name in ("sigmoid", "double")]
    nodes = [helper.make_node("Sigmoid", ["hu"], ["sigmoid"]), helper.make_node("Add", ["hu", "hu"], ["double"])]
    model = helper.make_model(helper.make_graph(nodes, "g", [hu], outputs), opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    content = model.SerializeToString()
    ours, theirs = engine.OpenVINO(content, 1), validate.session(content, 1)
    for side in (5, 9):
        inputs = {"hu": np.linspace(-1357, 1213, side * side, dtype=np.float32).reshape(1, 1, side, side)}
        for names in (["double"], ["double", "sigmoid"], None):
            answers, wanted = ours.run(names, inputs), theirs.run(names, inputs)
            assert len(answers) == len(wanted)
            for answer, want in zip(answers, wanted):
                np.testing.assert_allclose(answer, want, rtol=1e-5, atol=1e-6)  # no bfloat16: that would lose Hounsfield units
    kept = ours.run(["double"], {"hu": np.ones((1, 1, 2, 2), np.float32)})[0]
    ours.run(["double"], {"hu": np.zeros((1, 1, 2, 2), np.float32)})
    assert (kept == 2).all()  # a copy, not the engine's memory
