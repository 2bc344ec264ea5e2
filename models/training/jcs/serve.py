"""A served file, run as the node runs it."""

import numpy as np
import onnxruntime

from jcs import data


def session(model: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.x64quantprecision", "1")  # without VNNI int8 would overflow; the node finds out
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def whole(item: data.Slice) -> dict[str, np.ndarray]:
    """A slice as the networks' input."""
    return {"hu": item.hu.astype(np.float32)[None, None]}
