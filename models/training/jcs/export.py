"""Turn a checkpoint into the file that the node loads, and name it in models/manifest.toml.

    python -m jcs.export classifier --version 0.1.0 --status preliminary
    python -m jcs.export segmenter --version 0.1.0 --status preliminary --size 256

With `--precision auto`, int8 is served if it loses at most 0.005 (AUC or Dice) on the validation split, otherwise fp16.
"""

import argparse
import hashlib
import pathlib

import numpy as np
import onnx
import torch

from jcs import augment, checkpoint, data, distance, graph, manifest, quantize, reference, train_classifier, train_segmenter, validate
from jcs.networks.res2net import Res2Net
from jcs.networks.segmenter import Segmenter
from jcs.prepare import WINDOW, prepare
from jcs.provenance import provenance

LARGEST_LOSS = 0.005
CALIBRATION_SLICES = 96
VALIDATION_PER_PATIENT = 12  # for the choice between precisions; `jcs.validate` measures all
CLASSIFIER_SIZE = 224  # JCS section IV-D
SEGMENTER_SIZE = 256  # of the frame around the lungs, some 1.3 mm a pixel; 320 had no better Dice
LICENCE = "research only, non-commercial, not for clinical use (trained on public sets with such terms; see models/training/README.md)"


def calibration(slices: list[data.Slice], size: int) -> np.ndarray:
    """Prepared training slices [N, 3, S, S] of all sets in turn, each seen plainly."""
    rng = np.random.default_rng(0)
    pools = [[s for s in slices if s.source == source and s.split == "train"] for source in data.SETS]
    chosen = [pools[i % len(pools)][rng.integers(len(pools[i % len(pools)]))] for i in range(CALIBRATION_SLICES)]
    return prepare(torch.stack([augment.plain(s, size)[0] for s in chosen])).numpy()


def classifier_score(model: onnx.ModelProto, slices: list[data.Slice], threads: int) -> tuple[float, validate.ClassifierReport]:
    chosen = train_classifier.validation_slices(slices, {})
    report = validate.report_classifier(validate.classify(validate.session(model.SerializeToString(), threads), chosen), chosen)
    return report.auc["all"], report


def segmenter_score(model: onnx.ModelProto, slices: list[data.Slice], threads: int) -> tuple[float, validate.SegmenterReport]:
    chosen = train_segmenter.validation_slices(slices, VALIDATION_PER_PATIENT)
    report = validate.report_segmenter(validate.segment(validate.session(model.SerializeToString(), threads), chosen), chosen)
    return report.dice["mean"], report


def seen(core: onnx.ModelProto, slices: list[data.Slice], size: int, threads: int) -> tuple[np.ndarray, np.ndarray]:
    """What the distance is fitted to, of slices seen plainly: pooled features [n, C] as the core that is served has them, and histograms."""
    network = validate.session(core.SerializeToString(), threads)
    views = [prepare(augment.plain(item, size)[0][None]).contiguous() for item in slices]
    pooled = [network.run([graph.FEATURES], {graph.PREPARED: view.numpy()})[0].mean((2, 3)) for view in views]
    return np.concatenate(pooled), torch.cat([distance.histogram(view) for view in views]).numpy()


def known_slices(slices: list[data.Slice]) -> list[data.Slice]:
    """Training slices for the distance, as many of each set of scans. Figures are no scans, and the node never sees them."""
    rng = np.random.default_rng(0)
    pools = ([s for s in slices if s.source == source and s.split == "train"] for source in data.SCANS)
    return [pool[i] for pool in pools for i in np.sort(rng.permutation(len(pool))[: distance.OF_EACH_SET])]


def distance_limit(model: onnx.ModelProto, slices: list[data.Slice], threads: int) -> float:
    """From validation slices of the sets of scans."""
    chosen = [s for s in slices if s.split == "val" and s.source in data.SCANS]
    network = validate.session(model.SerializeToString(), threads)
    values = np.array([network.run(["distance"], validate.whole(s))[0][0] for s in chosen])
    return distance.limit(values, [s.source for s in chosen])


def release_weights(state: dict, network: str, version: str) -> tuple[pathlib.Path, str]:
    """The averaged weights in fp32 with what made them, for who wants to train on or to convert: their file, and its SHA-256.

    170 and 95 MB are too much for a repository's history. `make release` puts them beside the archive, while they are there.
    """
    kept = {key: value for key, value in state.items() if key not in ("network", "optimiser", "extra")}
    path = data.training_folder() / "release" / f"jcs-{network}-{version}-fp32.pt"
    checkpoint.save(path, kept)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def training(state: dict, digest: str) -> dict:
    """The manifest's table of what made the weights."""
    given = provenance(state)
    names = {"iteration": "iterations", "minutes": "minutes"}
    found = {names.get(name, name): round(value, 1) if isinstance(value, float) else value for name, value in given.items()}
    return {"checkpoint": digest} | found


def export(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(arguments.threads)
    slices = data.load(arguments.data)
    state = checkpoint.load(arguments.checkpoint or data.training_folder() / f"{arguments.network}-best.pt")
    if arguments.network == "classifier":
        size = arguments.size or CLASSIFIER_SIZE
        network = Res2Net(state["depth"])
        network.load_state_dict(state["average"])
        core = graph.classifier_core(network, size)
        name, score = f"JCS classifier, Res2Net-{state['depth']} v1b 26w4s", classifier_score

        def complete(middle: onnx.ModelProto) -> onnx.ModelProto:
            known = distance.fitted(*seen(middle, known_slices(slices), size, arguments.threads))
            return graph.classifier(middle, network, size, distance=known)
    else:
        size = arguments.size or SEGMENTER_SIZE
        network = Segmenter(normalise=state.get("normalise", True))
        network.load_state_dict(state["average"])
        core = graph.segmenter_core(network, size)
        name, score = "JCS segmenter, VGG-16 with EFM and AFF decoder", segmenter_score

        def complete(middle: onnx.ModelProto) -> onnx.ModelProto:
            return graph.segmenter(middle, size)

    def measured(label: str, model: onnx.ModelProto) -> tuple[onnx.ModelProto, float, object]:
        value, report = score(model, slices, arguments.threads)
        print(f"{label}, {model.ByteSize() / 2**20:.1f} MiB: {report}", flush=True)
        return model, value, report

    precision = arguments.precision
    if precision in ("int8", "auto"):
        model, value, report = measured("int8", complete(quantize.int8(core, calibration(slices, size))))
        if precision == "auto":
            _, in_fp32, _ = measured("fp32", complete(core))
            precision = "int8" if value >= in_fp32 - LARGEST_LOSS else "fp16"
    if precision != "int8":
        whole = complete(core)
        model, _, report = measured(precision, quantize.fp16_storage(whole) if precision == "fp16" else whole)
    point = report.operating_point if arguments.operating_point is None else arguments.operating_point
    entry = {
        "file": f"jcs-{arguments.network}.onnx",
        "name": name,
        "version": arguments.version,
        "status": arguments.status,
        "precision": precision,
        "window": list(WINDOW),
        "size": size,
        "operating_point": point,
        "licence": LICENCE,
    }
    if arguments.network == "classifier":
        entry["distance"] = {"limit": distance_limit(model, slices, arguments.threads)}
    weights, digest = release_weights(state, arguments.network, arguments.version)
    entry["training"] = training(state, digest)
    file = model.SerializeToString()
    manifest.publish(arguments.models, arguments.network, file, entry | {"reference": reference.of(file)})
    print(f"wrote {weights}, {digest}")
    print(f"wrote {arguments.models / entry['file']}: {precision}, size {size}, operating point {point}")


def parser() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("network", choices=("classifier", "segmenter"))
    arguments.add_argument("--version", default="0.1.0")
    arguments.add_argument("--status", choices=("trained", "preliminary", "untrained"), required=True)
    arguments.add_argument("--precision", choices=("auto", "int8", "fp16", "fp32"), default="auto")
    arguments.add_argument("--size", type=int, default=None, help="side of the network's input (224; segmenter 256)")
    arguments.add_argument("--operating-point", type=float, default=None, help="default: chosen on the validation split; the paper's is 0.5")
    arguments.add_argument("--checkpoint", type=pathlib.Path, default=None, help="the best of the last run")
    arguments.add_argument("--models", type=pathlib.Path, default=manifest.models_folder(), help="where the file goes (%(default)s)")
    arguments.add_argument("--data", type=pathlib.Path, default=None, help="folder of the training sets (JCS_DATA, or ../shared/data/train)")
    arguments.add_argument("--threads", type=int, default=2)
    return arguments


if __name__ == "__main__":
    export(parser().parse_args())
