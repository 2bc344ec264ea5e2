"""The shipped networks as int8, fp32 and fp16, for bench/gpu. Nothing of it is kept in the repository.

    python variants.py MODELS TARGET     # in the environment of models/training

fp32 has the shipped int8 weights dequantised and every QuantizeLinear and DequantizeLinear of activations replaced by the clipping that
they do besides rounding (ONNX Runtime's quantiser leaves ReLUs to it). fp16 is fp32 calculated in float16, with float32 at its rim. So the
three differ in their arithmetic alone. The digests are printed and stand in each manifest; those of networks 0.2.0 are in variants.sha256.
"""

import hashlib
import pathlib
import sys
import tomllib

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16


def dequantised(model: onnx.ModelProto) -> onnx.ModelProto:
    graph = model.graph
    constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    producer = {name: node for node in graph.node for name in node.output}
    nodes, made = [], []
    for node in graph.node:
        if node.op_type == "QuantizeLinear":
            continue
        if node.op_type != "DequantizeLinear":
            nodes.append(node)
            continue
        scale = constants[node.input[1]].astype(np.float32)
        zero = constants[node.input[2]] if len(node.input) > 2 else np.zeros_like(scale, np.int32)
        if node.input[0] in constants:
            values = constants[node.input[0]]
            axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
            if scale.size > 1:
                shape = [1] * values.ndim
                shape[min(axis, values.ndim - 1)] = -1
                scale, zero = scale.reshape(shape), zero.reshape(shape)
            else:
                scale, zero = scale.reshape(()), zero.reshape(())
            real = (values.astype(np.float32) - zero.astype(np.float32)) * scale
            made.append(numpy_helper.from_array(real.astype(np.float32), node.output[0]))
            continue
        before = producer[node.input[0]]
        held = np.iinfo(zero.dtype)
        low, high = ((end - int(zero.item())) * scale.item() for end in (held.min, held.max))
        bounds = [numpy_helper.from_array(np.array(v, np.float32), f"{node.output[0]}.{end}") for v, end in ((low, "low"), (high, "high"))]
        made += bounds
        nodes.append(helper.make_node("Clip", [before.input[0], *(b.name for b in bounds)], [node.output[0]]))
    used = {name for node in nodes for name in node.input}
    kept = [t for t in graph.initializer if t.name in used] + made
    result = onnx.ModelProto()
    result.CopyFrom(model)
    for field, values in ((result.graph.node, nodes), (result.graph.initializer, kept)):
        copies = [type(v).FromString(v.SerializeToString()) for v in values]
        del field[:]
        field.extend(copies)
    onnx.checker.check_model(result)
    return result


def main(models: pathlib.Path, target: pathlib.Path) -> None:
    entries = tomllib.loads((models / "manifest.toml").read_text())
    for precision in ("int8", "fp32", "fp16"):
        folder = target / precision
        folder.mkdir(parents=True, exist_ok=True)
        tables = []
        for name, entry in sorted(entries.items()):
            model = onnx.load(models / entry["file"])
            if precision != "int8":
                model = dequantised(model)
            if precision == "fp16":
                model = convert_float_to_float16(model, keep_io_types=True)
            content = (models / entry["file"]).read_bytes() if precision == "int8" else model.SerializeToString()
            (folder / entry["file"]).write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            print(f"{digest}  {precision}/{entry['file']}", flush=True)
            # The reference values are of the int8 file: here the outputs are compared, not refused.
            values = {k: v for k, v in entry.items() if k != "reference"} | {"sha256": digest, "precision": precision}
            quoted = (f"{k} = {v!r}" if not isinstance(v, str) else f'{k} = "{v}"' for k, v in values.items())
            tables.append(f"[{name}]\n" + "\n".join(quoted) + "\n")
        (folder / "manifest.toml").write_text("\n".join(tables))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
