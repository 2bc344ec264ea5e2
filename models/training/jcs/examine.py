"""What a classifier's checkpoint has learned, and what of it is the look of the sets: all on validation slices.

    python -m jcs.examine                         # classifier-best.pt of the training folder, tables as JSON
    python -m jcs.examine --checkpoint classifier-refit.pt --output after.json
    python -m jcs.examine --served ../jcs-classifier.onnx --every 4 --output before.json

Nothing is exported, and no test study is looked at. `jcs.evaluate` measures the served files.
"""

import argparse
import dataclasses
import json
import pathlib
import re

import numpy as np
import onnx
import onnx.utils
import torch

from jcs import arithmetic, augment, checkpoint, data, graph, looks, measure, metrics, probe, results, validate
from jcs.deletion import deletions
from jcs.frame import put_back
from jcs.networks.res2net import Res2Net, activation_mapping
from jcs.prepare import mask_to_cells, prepare
from jcs.train_classifier import COVID, DRAWN, NAME, VOLUMES, validation_slices

BATCH = 16
LEAST_SHARE = 0.02  # of a cell that lesions cover, as in the losses
LARGE = 0.01  # of the frame; the aim for sensitivity is for lesions of this size and more
FIRST_CHILD = 16  # series of `pneu` from here on are of infants and children


class Served:
    """A served file by the names of `Res2Net`: its core, which may be quantised, and its FC layer."""

    def __init__(self, content: bytes, threads: int):
        model = onnx.load_from_string(content)
        tensors = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer if t.name.startswith("after_fc.")}
        self.fc = torch.nn.Linear(tensors["after_fc.weight"].shape[1], 2)
        self.fc.load_state_dict({name: torch.from_numpy(tensors[f"after_fc.{name}"].copy()) for name in ("weight", "bias")})
        for name in (graph.PREPARED, graph.FEATURES):
            model.graph.value_info.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", None, None, None]))
        core = onnx.utils.Extractor(model).extract_model([graph.PREPARED], [graph.FEATURES])
        self.session = validate.session(core.SerializeToString(), threads)

    def features(self, prepared: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(self.session.run([graph.FEATURES], {graph.PREPARED: prepared.contiguous().numpy()})[0])

    def cell_logits(self, features: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv2d(features, self.fc.weight[:, :, None, None], self.fc.bias)


Network = Res2Net | Served


@dataclasses.dataclass(frozen=True)
class Answers:
    """Of n slices: logit [n], pooled features [n, C], and by cell [n, h, w] the sum that decides, the map that is shown, the lesions."""

    logit: np.ndarray
    pooled: np.ndarray
    evidence: np.ndarray
    shown: np.ndarray
    share: np.ndarray

    @property
    def probability(self) -> np.ndarray:
        return 1 / (1 + np.exp(-self.logit))


@torch.inference_mode()
def ask(network: Network, slices: list[data.Slice], size: int, precision: str) -> Answers:
    parts: list[list[np.ndarray]] = [[] for _ in range(5)]
    for start in range(0, len(slices), BATCH):
        views = [augment.plain(item, size) for item in slices[start : start + BATCH]]
        hu, lesions = (torch.stack(kind) for kind in zip(*views))
        with arithmetic.context(precision):
            features = network.features(prepare(hu).contiguous(memory_format=torch.channels_last)).float()
        cells = network.cell_logits(features)
        evidence = cells[:, COVID] - cells[:, 1 - COVID]
        share = mask_to_cells(lesions, (evidence.shape[1], evidence.shape[2]))[:, 0]
        found = (evidence.mean((1, 2)), features.mean((2, 3)), evidence, activation_mapping(features, network.fc.weight), share)
        for part, values in zip(parts, found):
            part.append(values.numpy())
    return Answers(*(np.concatenate(part) for part in parts))


def group_of(item: data.Slice) -> str:
    """The set; of `pneu` adults or children."""
    if item.source != "pneu":
        return item.source
    series = re.search(r"s(\d+)_", item.file)
    return "pneu children" if series and int(series[1]) >= FIRST_CHILD else "pneu adults"


def maps(answers: Answers) -> dict[str, dict[str, float]]:
    """Of slices with drawn lesions: the cells' AUC over all and within a slice, and how often the highest cell holds lesion, by map."""
    inside = answers.share > LEAST_SHARE
    mixed = [k for k, cells in enumerate(inside) if 0 < cells.sum() < cells.size]
    rows = {}
    for name, values in (("shown: eq. 2 of w1 - w0", answers.shown), ("what decides: the signed sum", answers.evidence)):
        rows[name] = {
            "cells_auc": metrics.auc(values[mixed].ravel(), inside[mixed].ravel()),
            "cells_auc_within": float(np.mean([metrics.auc(values[k].ravel(), inside[k].ravel()) for k in mixed])),
            "highest_in_lesion": float(np.mean([inside[k].ravel()[values[k].argmax()] for k in mixed])),
            "chance": float(inside[mixed].mean()),
        }
    return rows


def deletion(network: Network, slices: list[data.Slice], before: Answers, size: int, precision: str) -> dict[str, float]:
    """Mean fall of the logit, by what was replaced by lung; `part`: of the highest activation's fall in the lesions'."""
    if not slices:
        return {}
    rng = np.random.default_rng(0)
    changed: dict[str, list[data.Slice]] = {}
    for item, cells in zip(slices, before.shown):
        rows, columns = item.hu.shape
        over = put_back(torch.from_numpy(cells)[None, None], torch.tensor([item.frame]), rows, columns, (rows, columns))[0, 0].numpy()
        for name, replaced in deletions(item, over, rng).items():
            changed.setdefault(name, []).append(replaced)
    falls = {name: float((before.logit - ask(network, found, size, precision).logit).mean()) for name, found in changed.items()}
    return falls | {"slices": len(slices), "part": falls["highest activation"] / falls["lesions"]}


@dataclasses.dataclass(frozen=True)
class Group:
    """Slices of one set and label, and their logits as they are."""

    slices: list[data.Slice]
    logit: np.ndarray


def matched(
    network: Network, positives: Group, negatives: Group, size: int, precision: str, everything: list[data.Slice]
) -> dict[str, float]:
    """AUC of positives of one set against negatives of another: as they are, and redrawn in each other's look and in the common one."""
    theirs, ours = (looks.look_of(group.slices[0].source, everything) for group in (negatives, positives))

    def logit(group: Group, look: looks.Look) -> np.ndarray:
        return ask(network, [looks.redrawn(s, look) for s in group.slices], size, precision).logit

    both = looks.common(theirs, ours)
    pairs = {
        "as they are": (positives.logit, negatives.logit),
        "positives in their look": (logit(positives, theirs), negatives.logit),
        "negatives in our look": (positives.logit, logit(negatives, ours)),
        "both in the common look": (logit(positives, both), logit(negatives, both)),
    }
    truth = np.arange(len(positives.slices) + len(negatives.slices)) < len(positives.slices)
    return {name: metrics.auc(np.concatenate(pair), truth) for name, pair in pairs.items()}


def load(arguments: argparse.Namespace) -> Network:
    if arguments.served:
        return Served(arguments.served.read_bytes(), arguments.threads)
    state = checkpoint.load(arguments.checkpoint or data.training_folder() / f"{NAME}-best.pt")
    network = Res2Net(state["depth"])
    network.load_state_dict(state["average"])
    return network.to(memory_format=torch.channels_last).eval()


def clear(slices: list[data.Slice], positive: np.ndarray) -> dict:
    """Of slices without COVID-19: how many are called so, and of how many patients they are."""
    return {"right": measure.share(~positive), "patients": len({s.patient for s in slices})}


def calibration(probability: np.ndarray, label: np.ndarray) -> dict:
    return {
        "slices": len(label),
        "error": metrics.expected_calibration_error(probability, label),
        "rows": metrics.reliability(probability, label),
    }


def report(
    network: Network, slices: list[data.Slice], everything: list[data.Slice], point: float | None, size: int, precision: str
) -> dict:
    """All tables over labelled `slices`; `everything` tells what each set's slices look like. Without a `point` one is chosen."""
    answers = ask(network, slices, size, precision)
    label, group = np.array([s.label for s in slices]), np.array([group_of(s) for s in slices])
    source = np.array([s.source for s in slices])
    scans = group != "covid_ct"
    if point is None:
        point = metrics.specific_threshold(answers.probability[scans], label[scans], validate.LEAST_SPECIFICITY)

    def members(chosen: np.ndarray) -> list[data.Slice]:
        return [slices[k] for k in np.flatnonzero(chosen)]

    drawn = np.isin(source, DRAWN) & (label == 1)
    large = np.array([bool(d) and s.lesions.sum() >= LARGE * s.frame[2] * s.frame[3] for s, d in zip(slices, drawn)])
    positive = answers.probability >= point
    others = np.isin(source, data.OTHER_LUNGS)
    negatives = {str(name): (group == name) & (label == 0) for name in sorted(set(group[label == 0]))}
    found: dict = {"slices": len(slices), "operating_point": point}
    found["sensitivity"] = {name: measure.share(positive[large & (group == name)]) for name in DRAWN if (large & (group == name)).any()}
    found["specificity"] = {name: clear(members(chosen), positive[chosen]) for name, chosen in negatives.items()}
    found["auc"] = {
        name: metrics.auc(answers.logit[part], label[part]) for name in sorted(set(group)) if len(set(label[part := group == name])) == 2
    }
    found["auc"]["lesions against other lungs"] = metrics.auc(answers.logit[drawn | others], drawn[drawn | others])
    found["calibration"] = {name: calibration(answers.probability[group == name], label[group == name]) for name in sorted(set(group))}
    found["calibration"]["all scans"] = calibration(answers.probability[scans], label[scans])
    known = np.flatnonzero(drawn).tolist()
    of_lesions = {name: getattr(answers, name)[known] for name in ("evidence", "shown", "share")}
    found["maps"] = maps(dataclasses.replace(answers, **of_lesions))
    with_lungs = [k for k in known if slices[k].lung is not None and slices[k].source in VOLUMES]
    before = dataclasses.replace(answers, logit=answers.logit[with_lungs], shown=answers.shown[with_lungs])
    found["deletion"] = deletion(network, [slices[k] for k in with_lungs], before, size, precision)

    def grouped(chosen: np.ndarray) -> Group:
        return Group(members(chosen), answers.logit[chosen])

    positives = {name: grouped(drawn & (group == name)) for name in VOLUMES}
    # Sets of figures have no one look, and the volumes' own clear slices look like their positives.
    foreign = {name: grouped(chosen) for name, chosen in negatives.items() if name not in ("covid_ct", *DRAWN)}
    found["look_matched"] = {
        name: {kind: matched(network, ours, theirs, size, precision, everything) for kind, ours in positives.items()}
        for name, theirs in foreign.items()
    }
    kept = [(s, pooled) for s, pooled in zip(slices, answers.pooled) if s.label == 0]
    found["source_told"] = probe.told(np.array([p for _, p in kept]), [s.source for s, _ in kept], [s.patient for s, _ in kept])
    return found


def examine(arguments: argparse.Namespace) -> dict:
    torch.set_num_threads(arguments.threads)
    precision = arithmetic.faster() if arguments.arithmetic == "auto" else arguments.arithmetic
    everything = data.load(arguments.data)
    slices = validation_slices(everything, dict.fromkeys(data.SETS, arguments.every))
    found = report(load(arguments), slices, everything, arguments.point, arguments.size, precision)
    return results.plain({"network": (arguments.served or arguments.checkpoint or pathlib.Path("best")).name} | found)


def parser() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--checkpoint", type=pathlib.Path, default=None, help="of a classifier (the best in the training folder)")
    arguments.add_argument("--served", type=pathlib.Path, default=None, help="a served file instead")
    arguments.add_argument(
        "--data", type=pathlib.Path, default=None, help="folder of the training sets (JCS_DATA, or ../shared/data/train)"
    )
    arguments.add_argument("--every", type=int, default=1, help="each so many-th slice of a set only (%(default)s)")
    arguments.add_argument("--point", type=float, default=None, help="operating point (default: chosen on clear slices of scans)")
    arguments.add_argument("--size", type=int, default=224)
    arguments.add_argument("--arithmetic", choices=arithmetic.CHOICES, default="auto")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--output", type=pathlib.Path, default=None, help="file for the JSON, beside the screen")
    return arguments


def main() -> None:
    arguments = parser().parse_args()
    text = json.dumps(examine(arguments), indent=1)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
