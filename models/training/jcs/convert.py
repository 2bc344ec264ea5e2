"""Turn a checkpoint that the authors of JCS published into the file that the node loads, and name it in a manifest.

    python -m jcs.convert segmenter --checkpoint single.pth --folder ~/jcs-published
    python -m jcs.convert classifier --checkpoint res2net_segloss.pth --folder ~/jcs-published

Each option names a choice between the published code (the default, but for `--activation`), the paper and our own networks;
models/training/README.md lists them. The file is run once and compared with PyTorch before it is written.
"""

import argparse
import hashlib
import io
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from jcs import graph, manifest, reference
from jcs.networks.published import PublishedSegmenter, fold_frozen_normalisation, gradient_mapping, published_classifier, set_epsilon
from jcs.networks.res2net import activation_mapping
from jcs.prepare import WINDOW
from jcs.published_input import CROPPED, PublishedPreparation

NAMES = {"segmenter": "JCS segmenter as published, VGG-16, frozen BN", "classifier": "JCS classifier as published, Res2Net-101 v1b 26w4s"}
LICENCE = "not stated with the checkpoints that the authors of JCS published; ask them before any use other than research"
MAPPINGS = {"eq2": activation_mapping, "grad-cam": gradient_mapping}
ORDINARY_EPSILON = 1e-5  # what batch normalisation that is not frozen adds
LARGEST_DIFFERENCE = 1e-3  # between PyTorch and ONNX Runtime; 1e-5 is usual
COUNTER = ".num_batches_tracked"  # of ordinary batch normalisation; not used for inference
# A tensor that only this checkpoint has.
MARKS = {"segmenter": "vgg16.conv1_1.conv.weight", "classifier": "layer1.0.conv1.weight"}
JOINT = "res2net."

UNREADABLE = """it cannot be read as weights alone ({reason}).
If it is no checkpoint (sharing sites give a page of text when a download fails), fetch it again.
If it is one, it holds more than tensors, and reading the rest would run whatever its maker put there. Keep the tensors alone, on
a machine that has nothing to lose, and convert the new file:
    python -c 'import torch; all = torch.load("{name}", map_location="cpu", weights_only=False); torch.save(dict(all.get("state_dict", all)), "weights.pth")'"""  # noqa: E501


class Refusal(Exception):
    """The checkpoint cannot be served; the text says why, and what to do."""


def read(file: bytes, name: str) -> dict[str, Tensor]:
    """The tensors of a checkpoint by their published names. Runs nothing that the file brings; Refusal."""
    try:
        content = torch.load(io.BytesIO(file), map_location="cpu", weights_only=True)
    except Exception as error:  # a foreign file: whatever its reader stumbles over
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Refusal(UNREADABLE.format(reason=reason, name=name)) from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):  # a checkpoint to resume training from
        content = content["state_dict"]
    if not isinstance(content, dict) or not content or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items()):
        raise Refusal("it holds no table of named tensors (a state_dict)")
    return {key.removeprefix("module."): value for key, value in content.items()}  # the prefix of training on several GPUs


def problem(key: str, value: Tensor | None, wanted: Tensor, epsilon: float) -> str | None:
    """What is wrong with one tensor that the network needs."""
    if value is None:
        return f"{key} {list(wanted.shape)} is missing"
    if value.shape != wanted.shape:
        return f"{key} is {list(value.shape)}, not {list(wanted.shape)}"
    if not value.is_floating_point() or not bool(torch.isfinite(value).all()):
        return f"{key} holds something else than finite numbers"
    if key.endswith(".running_var") and not bool((value.float() + epsilon > 0).all()):
        return f"{key} has a channel whose variance is {float(value.min()):g}: choose --batch-norm-epsilon {ORDINARY_EPSILON:g}"
    return None


def load(network: nn.Module, state: dict[str, Tensor], role: str, epsilon: float) -> list[str]:
    """Put a checkpoint into a network; the keys that it has no place for. Refusal names every tensor that is not right.

    The published code loads the segmenter strictly and the classifier not, so only the classifier may have keys left over.
    """
    if joint := next((key for key in state if key.startswith(JOINT)), None):
        raise Refusal(
            f"it is the joint network of the journal version ({joint}), which the node cannot serve: its classifier lacks the FC layer, "
            "and its segmenter needs both trunks at once. Bring the single segmentation model, and res2net_cls.pth or res2net_segloss.pth"
        )
    for other, mark in MARKS.items():
        if other != role and mark in state and MARKS[role] not in state:
            raise Refusal(f"it is a checkpoint of the {other} ({mark}): python -m jcs.convert {other}")
    wanted = {key: value for key, value in network.state_dict().items() if not key.endswith(COUNTER)}
    problems = [text for key, value in wanted.items() if (text := problem(key, state.get(key), value, epsilon))]
    extra = [key for key in state if key not in wanted]
    if role == "segmenter":
        problems += [f"{key} is no tensor of this network" for key in extra]
    if problems:
        raise Refusal("\n    ".join([f"these tensors do not fit the {role}:", *problems]))
    network.load_state_dict({key: state[key] for key in wanted}, strict=False)  # strict but for the counters
    set_epsilon(network, epsilon)
    return extra


def epsilon_matters(network: nn.Module) -> float:
    """The largest share by which a channel's factor shrinks when 1e-5 is added to its variance instead of nothing."""
    variances = [value.clamp(min=0) for key, value in network.state_dict().items() if key.endswith(".running_var")]
    return max(float((1 - (v / (v + ORDINARY_EPSILON)).sqrt()).max()) for v in variances)


def trial_slice() -> Tensor:
    """A body with two lungs, textured, in HU, of a size that nothing divides: [1, 1, 471, 509]."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 471), torch.linspace(-1, 1, 509), indexing="ij")
    texture = 120 * torch.sin(40 * x) * torch.cos(31 * y)
    hu = torch.where((x / 0.9) ** 2 + (y / 0.7) ** 2 < 1, 40 + texture, -1000.0)
    for centre in (-0.4, 0.4):
        hu = torch.where(((x - centre) / 0.28) ** 2 + (y / 0.45) ** 2 < 1, -800 + texture, hu)
    return hu.round()[None, None]


@torch.no_grad()
def difference(model: onnx.ModelProto, before: nn.Module, core: nn.Module, after: nn.Module, hu: Tensor) -> float:
    """The largest difference between ONNX Runtime and PyTorch over all outputs, as a share of the output's range if that exceeds 1."""
    prepared, frame = before(hu)
    expected = after(core(prepared), frame, hu)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    pairs = zip(session.run(None, {"hu": hu.numpy()}), expected if isinstance(expected, tuple) else (expected,))
    # A number that is not finite differs from everything.
    shares = [np.nan_to_num(np.abs(got - want.numpy()).max() / max(1.0, float(want.abs().max())), nan=np.inf) for got, want in pairs]
    return float(max(shares))


def convert(given: argparse.Namespace) -> None:
    """Refusal, OSError."""
    checkpoint = given.checkpoint.read_bytes()
    sha256 = hashlib.sha256(checkpoint).hexdigest()
    state = read(checkpoint, given.checkpoint.name)
    size = given.size if given.network == "segmenter" else CROPPED
    before = PublishedPreparation(size, given.frame, tuple(given.window), given.grey == "8-bit")
    network = PublishedSegmenter(given.block5 == "pooled") if given.network == "segmenter" else published_classifier()
    extra = load(network.eval(), state, given.network, given.batch_norm_epsilon)
    matters = epsilon_matters(network)
    if given.network == "segmenter":
        fold_frozen_normalisation(network)
        core, after = graph.SegmenterCore(network), graph.SegmenterAnswer()
        model = graph.segmenter(graph.core(core, size, graph.LOGITS), size, before)
    else:
        mapping = MAPPINGS[given.activation]
        core, after = graph.ClassifierCore(network), graph.ClassifierAnswer(network, mapping)
        model = graph.classifier(graph.classifier_core(network, size), network, size, before, mapping)
    differs = difference(model, before, core, after, trial_slice())
    if not differs <= LARGEST_DIFFERENCE:
        raise Refusal(f"on a trial slice the ONNX file differs from PyTorch by {differs:g}; the weights are out of any ordinary range")
    entry = {
        "file": f"jcs-published-{given.network}.onnx",
        "name": NAMES[given.network],
        "version": given.version or f"published-{sha256[:12]}",
        "status": given.status,
        "precision": "fp32",
        "window": list(given.window),
        "size": size,
        "operating_point": given.operating_point,
        "licence": given.licence,
    }
    choices = {name: str(getattr(given, name)) for name in ("batch_norm_epsilon", "frame", "grey", "block5", "activation") if name in given}
    onnx.helper.set_model_props(model, choices | {"checkpoint_sha256": sha256})
    file = model.SerializeToString()
    manifest.publish(given.folder, given.network, file, entry | {"reference": reference.of(file)})
    report(given, entry, choices, extra, matters, differs)


def report(given: argparse.Namespace, entry: dict, choices: dict[str, str], extra: list[str], matters: float, differs: float) -> None:
    print(f"wrote {given.folder / entry['file']}, version {entry['version']}: on a trial slice within {differs:.1g} of PyTorch")
    print("choices:", ", ".join(f"{name} {value}" for name, value in choices.items()))
    print(f"an epsilon of {ORDINARY_EPSILON:g} instead of 0 changes a channel's factor by {matters:.2%} at most")
    counters = [key for key in extra if key.endswith(COUNTER)]
    if counters:
        print(f"saved from ordinary batch normalisation ({len(counters)} x {COUNTER[1:]}), which adds {ORDINARY_EPSILON:g}")
    unused = [key for key in extra if key not in counters]
    if unused:
        print("not used, as in the published code:", *unused, sep="\n    ")
    missing = {"classifier", "segmenter"} - set(manifest.read(given.folder))
    if missing:
        print(f"the node needs a {missing.pop()} in {given.folder / 'manifest.toml'} as well")


def share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError("not between 0 and 1")
    return value


def epsilon(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError("not from 0 to below 1")
    return value


def pixels(text: str) -> int:
    value = int(text)
    if value < 32:
        raise argparse.ArgumentTypeError("less than 32")
    return value


def parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    add = shared.add_argument
    add("--checkpoint", type=pathlib.Path, required=True, help="file of the authors, or one with the same tensors")
    add("--folder", type=pathlib.Path, default=pathlib.Path("published"), help="where file and manifest go (%(default)s)")
    add("--version", default="", help="default: the beginning of the checkpoint's SHA-256")
    add("--status", choices=("trained", "preliminary"), default="preliminary", help="trained: the site has measured it (%(default)s)")
    add("--licence", default=LICENCE, help="of the weights (%(default)s)")
    add("--operating-point", type=share, default=0.5, help="%(default)s")
    add("--batch-norm-epsilon", type=epsilon, default=0.0, help="added to each variance; ordinary code adds 1e-5 (%(default)s)")
    add("--window", type=float, nargs=2, default=list(WINDOW), metavar=("LOW", "HIGH"), help="HU of black and white (%(default)s)")
    add("--grey", choices=("8-bit", "float"), default="8-bit", help="whole grey levels 0..255, or what lies between them too (%(default)s)")
    whole = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    networks = whole.add_subparsers(dest="network", required=True)
    segmenter = networks.add_parser("segmenter", parents=[shared])
    segmenter.add_argument("--size", type=pixels, default=512, help="side of the network's input (%(default)s)")
    segmenter.add_argument("--frame", choices=("slice", "lungs"), default="slice", help="what it sees of a slice (%(default)s)")
    segmenter.add_argument("--block5", choices=("unpooled", "pooled"), default="unpooled", help="pooled: the paper's (%(default)s)")
    classifier = networks.add_parser("classifier", parents=[shared])
    classifier.add_argument("--frame", choices=("crop", "slice", "lungs"), default="crop", help="crop: the middle 7/8 (%(default)s)")
    classifier.add_argument("--activation", choices=tuple(MAPPINGS), default="eq2", help="eq2: the paper's (%(default)s)")
    return whole


def main(arguments: list[str] | None = None) -> None:
    whole = parser()
    given = whole.parse_args(arguments)
    if not given.window[0] < given.window[1]:
        whole.error("--window: LOW is not below HIGH")
    try:
        convert(given)
    except Refusal as refusal:
        sys.exit(f"{given.checkpoint}: {refusal}")
    except OSError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
