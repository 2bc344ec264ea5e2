"""The shipped networks as checkpoints, so that training can go on from what is shipped.

    python -m jcs.warm classifier                 # -> classifier-warm.pt of the training folder
    python -m jcs.warm segmenter

Checkpoints are large and stay on the machine that trained; the files that the manifest names are everywhere. Their weights are int8 for
each channel or float, and batch normalisation is folded into them. Weights are taken as they stand. Each normalisation gets the mean and
the variance that its convolution has on training slices, and the scale and offset that undo both: the network says what the
file says, but for the rounding of its activations, and it can be trained as before. A recipe with `start = "shipped"` begins so.
"""

import argparse
import hashlib
import pathlib
from collections.abc import Iterable

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from jcs import checkpoint, data, manifest, recipe, sampling
from jcs.networks.res2net import BLOCKS, Res2Net
from jcs.networks.segmenter import Segmenter
from jcs.schedule import Stage

CORE = "core_network."
BATCHES = 24  # of training samples that the statistics are taken over
# The segmenter's coarser outputs are not in the file. They begin with the share of lesions in a view, and send nothing back at first.
UNSERVED, UNSERVED_LOGIT = ("sides.1", "sides.2", "sides.3", "sides.4"), -3.0


class WarmError(ValueError):
    """A file whose weights are not those of the network; the text says what is missing."""


def initializers(model: onnx.ModelProto) -> dict[str, Tensor]:
    """Every constant of the graph by its name, and those that are stored as int8 or int32 with a scale also by the name they had before."""
    stored = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in model.graph.initializer}
    found = dict(stored)
    for node in model.graph.node:
        if node.op_type != "DequantizeLinear" or node.input[0] not in stored:
            continue
        values, scale, zero = (stored[name].to(torch.float32) for name in node.input)
        axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
        if scale.ndim:
            shape = [-1 if dimension == axis else 1 for dimension in range(values.ndim)]
            scale, zero = scale.view(shape), zero.view(shape)
        found[node.input[0].removesuffix("_quantized")] = (values - zero) * scale
    return found


def named(constants: dict[str, Tensor], name: str, kind: str) -> Tensor:
    """Weight or bias of a layer. A bias that came out of a normalisation is named after the weight."""
    for key in (f"{CORE}{name}.{kind}", f"{CORE}{name}.weight_bias", f"after_{name}.{kind}"):
        if key in constants and (kind == "bias" or "_bias" not in key):
            return constants[key]
    raise WarmError(f"the file has no {kind} of {name}")


def normalised(network: nn.Module) -> dict[str, str]:
    """Convolutions that a batch normalisation follows, and its name, by the order in which both networks list their modules."""
    pairs = {}
    modules = list(network.named_modules())
    for name, module in modules:
        if not isinstance(module, nn.BatchNorm2d):
            continue
        parent, _, own = name.rpartition(".")
        if own.startswith("bn"):  # Res2Net: bn1 of conv1
            before = f"{parent}.conv{own[2:]}".lstrip(".")
            pairs[before if before != "conv1" else "conv1.6"] = name
        elif parent.endswith("bns"):  # bns.0 of convs.0
            pairs[f"{parent.removesuffix('bns')}convs.{own}"] = name
        else:  # the module before it in a sequence
            pairs[f"{parent}.{int(own) - 1}"] = name
    return pairs


@torch.no_grad()
def fill(network: nn.Module, model: onnx.ModelProto) -> None:
    """Weights and biases of the file; a normalisation passes its input on and adds the bias of its convolution, where that has none."""
    constants, pairs = initializers(model), normalised(network)
    for name, module in network.named_modules():
        if not isinstance(module, (nn.Conv2d, nn.Linear)):
            continue
        if name in UNSERVED:
            nn.init.zeros_(module.weight)
            nn.init.constant_(module.bias, UNSERVED_LOGIT)
            continue
        module.weight.copy_(named(constants, name, "weight"))
        bias = named(constants, name, "bias")
        if module.bias is not None:
            module.bias.copy_(bias)
        if name in pairs:
            follows = network.get_submodule(pairs[name])
            follows.weight.fill_(1.0)
            follows.bias.copy_(torch.zeros_like(bias) if module.bias is not None else bias)
            follows.running_mean.zero_()
            follows.running_var.fill_(1.0 - follows.eps)


class Moments:
    """Mean and variance of each channel of what a module puts out."""

    def __init__(self, module: nn.Module):
        self.count, self.sum, self.squares = 0, torch.zeros(()), torch.zeros(())
        self.handle = module.register_forward_hook(self.note)

    def note(self, module: nn.Module, inputs: tuple, output: Tensor) -> None:
        values = output.detach().double()
        self.count += values.numel() // values.shape[1]
        self.sum = self.sum + values.sum((0, 2, 3))
        self.squares = self.squares + (values * values).sum((0, 2, 3))

    def found(self) -> tuple[Tensor, Tensor]:
        mean = self.sum / self.count
        return mean.float(), (self.squares / self.count - mean * mean).clamp(min=0).float()


@torch.no_grad()
def settle(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Give every normalisation the statistics that prepared `batches` [N, 3, S, S] have, without changing what the network says."""
    pairs = normalised(network)
    moments = {name: Moments(network.get_submodule(name)) for name in pairs}
    network.eval()
    for batch in batches:
        network(batch.contiguous(memory_format=torch.channels_last))
    for name, follows in pairs.items():
        moments[name].handle.remove()
        mean, variance = moments[name].found()
        module, before = network.get_submodule(follows), network.get_submodule(name)
        # As large as fresh weights are: normalisation makes the size of a channel's weights meaningless, but the optimiser's steps are
        # relative to it.
        fresh = (2 / (before.out_channels * before.kernel_size[0] * before.kernel_size[1])) ** 0.5
        size = before.weight.pow(2).mean((1, 2, 3)).sqrt()
        factor = torch.where(size > 1e-3 * size.median(), fresh / size.clamp(min=1e-12), torch.ones_like(size))
        before.weight.mul_(factor[:, None, None, None])
        if before.bias is not None:
            before.bias.mul_(factor)
        mean, variance = mean * factor, variance * factor**2
        scale = module.weight / factor / torch.sqrt(module.running_var + module.eps)
        offset = module.bias + scale * (mean - module.running_mean * factor)
        module.running_mean.copy_(mean)
        module.running_var.copy_(variance)
        module.weight.copy_(scale * torch.sqrt(variance + module.eps))
        module.bias.copy_(offset)


def sets_seen(origin: str) -> tuple[str, ...]:
    """What the file with this record was trained on. Networks 0.2.0 knew six sets; those after them know all."""
    return data.WITH_COVID if origin.split()[1] == "0.2.0" else data.SETS


def depth_of(model: onnx.ModelProto) -> int:
    names = {t.name for t in model.graph.initializer}
    for depth, blocks in BLOCKS.items():
        last = f"{CORE}layer3.{blocks[2] - 1}.conv3.weight"
        after = f"{CORE}layer3.{blocks[2]}.conv3.weight"
        if any(n.startswith(last) for n in names) and not any(n.startswith(after) for n in names):
            return depth
    raise WarmError("the file holds no Res2Net that is known here")


def classifier(model: onnx.ModelProto, batches: Iterable[Tensor]) -> Res2Net:
    network = Res2Net(depth_of(model)).to(memory_format=torch.channels_last)
    fill(network, model)
    settle(network, batches)
    return network


def segmenter(model: onnx.ModelProto, batches: Iterable[Tensor], normalise: bool) -> Segmenter:
    network = Segmenter(normalise).to(memory_format=torch.channels_last)
    fill(network, model)
    settle(network, batches)
    return network


def shipped(folder: pathlib.Path, network: str) -> tuple[onnx.ModelProto, str]:
    """The file that the manifest names, and what it is, for the record."""
    entry = manifest.read(folder)[network]
    content = (folder / entry["file"]).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != entry["sha256"]:
        raise WarmError(f"{folder / entry['file']} is not the file that manifest.toml names")
    return onnx.load_from_string(content), f"{entry['file']} {entry['version']} {entry['precision']} {digest}"


def record(network: Res2Net | Segmenter, origin: str) -> dict:
    """A checkpoint of the network as it stands, of the kind that `jcs.examine`, `jcs.experiment` and `jcs.export` read."""
    kind: dict = {"normalise": True}
    if isinstance(network, Res2Net):
        kind = {"depth": next(depth for depth, blocks in BLOCKS.items() if len(network.layer3) == blocks[2])}
    return kind | {"average": network.state_dict(), "start": origin, "options": "", "iteration": 0, "minutes": 0.0}


def shipped_classifier(
    table: recipe.ClassifierRecipe, slices: list[data.Slice], folder: pathlib.Path, without: list[str] | tuple[str, ...] = ()
) -> tuple[Res2Net, str]:
    """The classifier of a folder, ready to be trained as `table` says on other sets than `without`, and what the file is."""
    model, origin = shipped(folder, "classifier")
    sampler, stage = sampling.ClassifierSampler(slices, 0, table, without), Stage(0.0, table.stages[-1].size, 8)
    return classifier(model, (sampler.batch(k, stage)[0] for k in range(BATCHES))), origin


def shipped_segmenter(
    table: recipe.SegmenterRecipe, slices: list[data.Slice], folder: pathlib.Path
) -> tuple[Segmenter, str]:
    """The same for the segmenter."""
    model, origin = shipped(folder, "segmenter")
    sampler, stage = sampling.SegmenterSampler(slices, 0, table), Stage(0.0, table.stages[-1].size, 8)
    return segmenter(model, (sampler.batch(k, stage)[0] for k in range(BATCHES)), table.normalise), origin


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("network", choices=("classifier", "segmenter"))
    arguments.add_argument("--models", type=pathlib.Path, default=manifest.models_folder(), help="folder of manifest.toml (%(default)s)")
    arguments.add_argument("--folder", type=pathlib.Path, default=data.training_folder(), help="where the checkpoint goes (%(default)s)")
    arguments.add_argument("--recipe", default="warm", help="whose training slices the statistics are of (%(default)s)")
    arguments.add_argument(
        "--data", type=pathlib.Path, default=None, help="folder of the training sets (JCS_DATA, or ../shared/data/train)"
    )
    given = arguments.parse_args()
    asked, slices = recipe.load(given.recipe), data.load(given.data)
    if given.network == "classifier":
        state = record(*shipped_classifier(asked.classifier, slices, given.models))
    else:
        state = record(*shipped_segmenter(asked.segmenter, slices, given.models))
    path = given.folder / f"{given.network}-warm.pt"
    checkpoint.save(path, state)
    print(f"wrote {path}: {state['start']}")


if __name__ == "__main__":
    main()
