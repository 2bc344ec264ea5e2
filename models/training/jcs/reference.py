"""What a network says of the test picture, for models/manifest.toml: the node compares at start, and finds kernels that calculate wrongly.

    python -m jcs.reference        # writes the values of the files that the manifest names

The graph is calculated literally: ONNX Runtime without any optimisation, so that every quantised operator runs in float32 between its
QuantizeLinear and DequantizeLinear. No int8 kernel takes part, and the values are the same on every processor but for the last digits.
"""

import argparse
import hashlib
import pathlib

import numpy as np
import onnxruntime
import PIL.Image

from jcs import manifest

BLOCKS = 4  # models/answers.go


def picture() -> tuple[np.ndarray, str]:
    """The test picture [1, 1, 512, 512] in Hounsfield units, and the SHA-256 of its grey levels."""
    levels = np.array(PIL.Image.open(manifest.models_folder() / "picture.png"))
    return levels.astype(np.float32)[None, None] * 16 - 1024, hashlib.sha256(levels.tobytes()).hexdigest()


def block_means(values: np.ndarray) -> list[float]:
    """Means of 4 x 4 blocks of a map [H, W], row by row; a map with fewer rows or columns repeats them."""

    def bounds(i: int, size: int) -> slice:
        start = i * size // BLOCKS
        return slice(start, max(start + 1, (i + 1) * size // BLOCKS))

    rows, columns = values.shape
    means = [values[bounds(i, rows), bounds(j, columns)].mean(dtype=np.float64) for i in range(BLOCKS) for j in range(BLOCKS)]
    return [float(f"{mean:.4g}") for mean in means]


def literal(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def of(model: bytes) -> dict:
    """The table `reference` of a network."""
    hu, digest = picture()
    network = literal(model)
    values = dict(zip((o.name for o in network.get_outputs()), network.run(None, {"hu": hu})))
    if "mask_probability" in values:
        return {"picture": digest, "mask": block_means(values["mask_probability"][0])}
    said = {name: float(f"{values[name][0]:.4g}") for name in ("probability", "distance") if name in values}
    return {"picture": digest} | said | {"activation": block_means(values["activation"][0])}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--models", type=pathlib.Path, default=manifest.models_folder(), help="folder of manifest.toml (%(default)s)")
    folder = arguments.parse_args().models
    for name, entry in manifest.read(folder).items():
        model = (folder / entry["file"]).read_bytes()
        if hashlib.sha256(model).hexdigest() != entry["sha256"]:
            raise ValueError(f"{folder / entry['file']} is not the file that manifest.toml names")
        manifest.publish(folder, name, model, entry | {"reference": of(model)})


if __name__ == "__main__":
    main()
