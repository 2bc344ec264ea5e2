"""Record what a network that is not shipped reaches: results/NAME.json, from a training checkpoint, for the model card.

    python -m jcs.experiment architecture-unet --checkpoint unet/segmenter-best.pt
    python -m jcs.experiment mixing-without --checkpoint unmixed/classifier-best.pt
    python -m jcs.experiment source-covid_ct --checkpoint without_covid_ct/classifier-best.pt
    python -m jcs.experiment precision --classifier classifier-best.pt --segmenter segmenter-best.pt

NAME is one of the card's groups and a variant. The network is exported in fp32 and goes through what `jcs.evaluate` puts the shipped
files through. `precision` compares PyTorch with ONNX, and int8 and fp16 with fp32. `python -m jcs.card` then shows it.
"""

import argparse
import pathlib
import re
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import torch

from jcs import (
    arithmetic,
    card,
    checkpoint,
    data,
    evaluate,
    examine,
    export,
    graph,
    held_out,
    manifest,
    measure,
    metrics,
    quantize,
    results,
    validate,
    warm,
)
from jcs.networks.res2net import Res2Net
from jcs.networks.segmenter import Segmenter
from jcs.networks.unet import UNet
from jcs.provenance import left_out, provenance

PRECISION = "precision"
POINT = 0.5  # of the classifier, where the paper's two outputs are equal
COMPARED = 16  # slices on which PyTorch and ONNX are compared


def is_classifier(state: dict) -> bool:
    return "depth" in state


def network_of(state: dict) -> torch.nn.Module:
    """The averaged network of a checkpoint, for inference."""
    if is_classifier(state):
        network: torch.nn.Module = Res2Net(state["depth"])
    else:
        network = UNet() if state.get("architecture") == "unet" else Segmenter(state.get("normalise", True))
    network.load_state_dict(state["average"])
    return network.eval()


def served(network: torch.nn.Module, size: int) -> tuple[onnx.ModelProto, Callable[[onnx.ModelProto], onnx.ModelProto]]:
    """The network's core in fp32, and what makes the served graph of it or of a smaller one."""
    if isinstance(network, Res2Net):
        return graph.classifier_core(network, size), lambda core: graph.classifier(core, network, size)
    return graph.segmenter_core(network, size), lambda core: graph.segmenter(core, size)


def check_left_out(state: dict, source: str, path: pathlib.Path) -> None:
    """Refuse a run that has seen labels of the source: its slices' names, or its masks while the trunk was pretrained."""
    if source not in left_out(state.get("options", "")):
        raise SystemExit(f"{path} does not say that it was trained without {source}")
    if "start" in state and source in warm.sets_seen(state["start"]):
        raise SystemExit(f"{path} began with {state['start'].rpartition(' ')[0]}, which was trained on {source}")
    pretrained = "--pretrained" in state.get("options", "")
    if pretrained and source in held_out.MASKED_SETS and source not in left_out(state.get("pretrained_options", "")):
        raise SystemExit(f"{path} does not say that its trunk was pretrained without the masks of {source}")


def examine_left_out(network: onnxruntime.InferenceSession, bench: held_out.Bench, source: str) -> dict:
    """Every labelled slice of a set that the network did not train on, whatever its split."""
    slices = [s for s in bench.everything if s.source == source and s.label is not None][:: bench.every]
    score = np.array([reading.probability for reading in measure.ask_classifier(network, slices)])
    return measure.classifications({source: lambda s: True}, slices, score, POINT)[0]


def examine_new_look(network: Res2Net, bench: held_out.Bench, source: str, size: int, precision: str) -> dict:
    """The same for a set without COVID-19: what is right of it at the operating point that the other sets' validation slices give, and
    how well drawn lesions are told from it, by look."""
    known = [s for s in bench.slices if s.split == "val" and s.label is not None and s.source in data.SCANS and s.source != source]
    label = np.array([s.label for s in known])
    said = examine.ask(network, known, size, precision).probability
    point = metrics.specific_threshold(said, label, validate.LEAST_SPECIFICITY)
    theirs = [s for s in bench.everything if s.source == source and s.label is not None][:: bench.every]
    drawn = [s for s in known if s.label == 1 and s.source in held_out.MASKED_SETS]
    found = examine.report(network, drawn + theirs, bench.everything, point, size, precision)
    return {key: found[key] for key in ("operating_point", "sensitivity", "specificity", "look_matched", "auc")}


def examine_ablation(network: Res2Net, bench: held_out.Bench, size: int, precision: str) -> dict:
    """Tables of the validation split, at the operating point that it gives."""
    slices = [s for s in bench.slices if s.split == "val" and s.label is not None]
    found = examine.report(network, slices, bench.everything, None, size, precision)
    return {key: value for key, value in found.items() if key != "calibration"}


def result_of(state: dict, group: str, variant: str, bench: held_out.Bench, size: int, threads: int, precision: str) -> dict:
    torch.set_num_threads(threads)
    if group == "ablation":
        return {"lungs": examine_ablation(network_of(state), bench, size, precision)}
    if group == "source" and variant in data.OTHER_LUNGS:
        return {"new_look": examine_new_look(network_of(state), bench, variant, size, precision)}
    core, complete = served(network_of(state), size)
    network = validate.session(complete(core).SerializeToString(), threads)
    if not is_classifier(state):
        slices = bench.masked()
        # Each network at the threshold that suits it, as the exporter chooses the shipped one's.
        probability = validate.segment(network, slices)
        threshold = validate.report_segmenter(probability, slices).operating_point
        segmentation, _ = evaluate.examine_segmenter([p >= threshold for p in probability], slices)
        return {"threshold": threshold, "segmentation": segmentation}
    if group == "source":
        return {"left_out": examine_left_out(network, bench, variant)}
    return evaluate.examine_classifier(network, bench, POINT)[0]


# Precision.


def in_torch(network: torch.nn.Module, size: int, hu: torch.Tensor) -> list[np.ndarray]:
    """What the served graph computes, by PyTorch alone."""
    with torch.inference_mode():
        prepared, frame = graph.Preparation(size)(hu)
        if isinstance(network, Res2Net):
            outputs = graph.ClassifierAnswer(network)(network.features(prepared), frame, hu)
        else:
            outputs = (graph.SegmenterAnswer()(network(prepared)[0], frame, hu),)
    return [output.numpy() for output in outputs]


def agreement(state: dict, model: onnx.ModelProto, size: int, slices: list[data.Slice]) -> list[dict]:
    """Largest and mean absolute difference of each output, PyTorch with its normalisation against the file."""
    run, network = validate.session(model.SerializeToString(), 1), network_of(state)
    names = [output.name for output in run.get_outputs()]
    differences: dict[str, list[tuple[float, float, float]]] = {name: [] for name in names}
    for item in slices:
        inputs = validate.whole(item)
        for name, ours, theirs in zip(names, in_torch(network, size, torch.from_numpy(inputs["hu"])), run.run(names, inputs)):
            difference = np.abs(ours - theirs)
            differences[name].append((float(difference.max()), float(difference.mean()), float(np.abs(ours).max())))
    return [
        {
            "output": name,
            "slices": len(d),
            "largest": max(v[0] for v in d),
            "mean": float(np.mean([v[1] for v in d])),
            "scale": max(v[2] for v in d),
        }
        for name, d in differences.items()
    ]


def precisions(state: dict, size: int, slices: list[data.Slice]) -> dict[str, onnx.ModelProto]:
    """The served graph in fp32, fp16 and int8, made as `jcs.export` makes them."""
    core, complete = served(network_of(state), size)
    whole = complete(core)
    return {"fp32": whole, "fp16": quantize.fp16_storage(whole), "int8": complete(quantize.int8(core, export.calibration(slices, size)))}


def examine_precision(states: dict[str, dict], sizes: dict[str, int], point: float, bench: held_out.Bench, threads: int) -> dict:
    """AUC over all labelled validation slices, mean Dice over the sets at the threshold `point`, and masks against those of fp32."""
    labelled = [s for s in bench.slices if s.split == "val" and s.label is not None]
    label, masked = np.array([s.label for s in labelled]), bench.masked()
    rows: dict[str, dict] = {}
    found: dict = {"agreement": [], "precisions": []}
    for kind, state in states.items():
        models = precisions(state, sizes[kind], bench.everything)
        found["agreement"] += agreement(state, models["fp32"], sizes[kind], masked[:: max(1, len(masked) // COMPARED)][:COMPARED])
        reference: list[np.ndarray] = []
        for name, model in models.items():
            row = rows.setdefault(name, {"precision": name})
            row[f"{kind}_mb"] = model.ByteSize() / 1e6
            network = validate.session(model.SerializeToString(), threads)
            if kind == "classifier":
                row["auc"] = metrics.auc(np.array([r.probability for r in measure.ask_classifier(network, labelled)]), label)
                continue
            masks = measure.ask_segmenter(network, masked, point)
            reference = reference or masks
            row["dice"] = evaluate.examine_segmenter(masks, masked)[0]["by_set"][-1]["dice"]
            alike = [metrics.dice(a, b) for a, b in zip(masks, reference)]
            row |= {"mask_agreement": float(np.mean(alike)), "mask_worst": min(alike)}
    for row in rows.values():
        row |= {f"{key}_change": row[key] - rows["fp32"][key] for key in ("auc", "dice")}
    return found | {"precisions": list(rows.values()), "slices": {"auc": len(labelled), "dice": len(masked)}, "threshold": point}


def record(arguments: argparse.Namespace) -> None:
    shipped = manifest.read(arguments.models)
    sizes = {
        kind: given or shipped[kind]["size"]
        for kind, given in (("classifier", arguments.classifier_size), ("segmenter", arguments.segmenter_size))
    }
    bench = held_out.load_bench(arguments.data, arguments.every)
    if arguments.name == PRECISION:
        states = {"classifier": checkpoint.load(arguments.classifier), "segmenter": checkpoint.load(arguments.segmenter)}
        found = examine_precision(states, sizes, shipped["segmenter"]["operating_point"], bench, arguments.threads)
        command = "python -m jcs.experiment precision --classifier CHECKPOINT --segmenter CHECKPOINT"
        values = {
            "name": PRECISION,
            "provenance": {"command": command, "sizes": sizes, **{kind: provenance(s) for kind, s in states.items()}},
            "result": found,
        }
    else:
        group, variant = arguments.name.split("-", 1)
        state = checkpoint.load(arguments.checkpoint)
        if group == "source":
            check_left_out(state, variant, arguments.checkpoint)
        kind = "classifier" if is_classifier(state) else "segmenter"
        precision = arithmetic.faster() if arguments.arithmetic == "auto" else arguments.arithmetic
        result = result_of(state, group, variant, bench, sizes[kind], arguments.threads, precision)
        given = provenance(state) | {"size": sizes[kind]}
        values = {
            "name": arguments.name,
            "group": group,
            "variant": arguments.title or variant,
            "kind": kind,
            "provenance": given,
            "result": result,
        }
    results.write(arguments.results, arguments.name, values | {"thinned": arguments.every})
    print(f"wrote {arguments.results / arguments.name}.json")


def parser() -> argparse.ArgumentParser:
    def name(text: str) -> str:
        if text != PRECISION and not re.fullmatch(rf"({'|'.join(card.EXPERIMENTS)})-\w+", text):
            raise argparse.ArgumentTypeError(f"not {PRECISION} and not one of {', '.join(card.EXPERIMENTS)} with -VARIANT")
        return text

    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("name", type=name, help="precision, or GROUP-VARIANT; a source's variant is the set that was left out")
    arguments.add_argument("--checkpoint", type=pathlib.Path, help="of a classifier or a segmenter")
    arguments.add_argument("--title", help="how the card calls the variant")
    arguments.add_argument("--classifier", type=pathlib.Path, help="checkpoint, for precision")
    arguments.add_argument("--segmenter", type=pathlib.Path, help="checkpoint, for precision")
    arguments.add_argument("--classifier-size", type=int, help="side of the input; default: that of the manifest")
    arguments.add_argument("--segmenter-size", type=int, help="the same")
    arguments.add_argument("--every", type=int, default=1, help="each so many-th slice only, for trying; default: all")
    arguments.add_argument("--models", type=pathlib.Path, default=manifest.models_folder(), help="folder of manifest.toml (%(default)s)")
    arguments.add_argument(
        "--data", type=pathlib.Path, default=None, help="folder of the training sets, `ct` beside it (JCS_DATA, or ../shared/data/train)"
    )
    arguments.add_argument("--results", type=pathlib.Path, default=results.default_folder(), help="where the JSON goes (%(default)s)")
    arguments.add_argument("--arithmetic", choices=arithmetic.CHOICES, default="fp32", help="of what is asked in PyTorch (%(default)s)")
    arguments.add_argument("--threads", type=int, default=2)
    return arguments


def main() -> None:
    arguments = parser().parse_args()
    needed = ("classifier", "segmenter") if arguments.name == PRECISION else ("checkpoint",)
    if missing := [f"--{name}" for name in needed if getattr(arguments, name) is None]:
        raise SystemExit(f"{arguments.name} needs {', '.join(missing)}")
    record(arguments)


if __name__ == "__main__":
    main()
