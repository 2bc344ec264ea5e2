"""Train the classifier (JCS section IV-A, IV-D) as a recipe says.

python -m jcs.train_classifier --pretrained ~/.cache/jcsnode/training/pretrained-last.pt
python -m jcs.train_classifier --resume
"""

import argparse
import pathlib

import numpy as np
import torch
from torch import Tensor, nn

from jcs import arithmetic, augment, checkpoint, data, metrics, recipe, run, warm
from jcs.losses import CellLoss, mapping_loss, mixed_label_loss, pointing_loss
from jcs.networks.res2net import Res2Net, activation_mapping
from jcs.prepare import prepare
from jcs.pretrain_classifier import trunk_of
from jcs.sampling import ClassifierSampler
from jcs.schedule import stage_at

COVID = 1
NAME = "classifier"
# While training, each so many-th validation slice of a set.
THINNED = {"seg20": 3, "luna": 4, "pneu": 3, "iqoth": 3, "emph": 3}
VOLUMES = ("seg20", "seg20rp")
DRAWN = (*VOLUMES, "ct100")


def validation_slices(slices: list[data.Slice], every: dict[str, int]) -> list[data.Slice]:
    """Labelled slices of the validation split, each `every`-th of a set."""
    chosen = []
    for source in data.SETS:
        members = [s for s in slices if s.source == source and s.split == "val" and s.label is not None]
        chosen += members[:: every.get(source, 1)]
    return chosen


@torch.inference_mode()
def predict(network: nn.Module, hu: Tensor, precision: str) -> Tensor:
    """[N, 1, S, S] in HU -> probability of COVID-19 [N]."""
    device = run.device_of(network)
    with arithmetic.context(precision, device):
        logits = network(prepare(hu.to(device)).contiguous(memory_format=torch.channels_last))
    return torch.softmax(logits.float(), 1)[:, COVID].cpu()


def scores(network: nn.Module, slices: list[data.Slice], size: int, precision: str) -> np.ndarray:
    views = [augment.plain(item, size)[0] for item in slices]
    return np.concatenate([predict(network, torch.stack(views[i : i + 16]), precision).numpy() for i in range(0, len(views), 16)])


def auc_by_kind(score: np.ndarray, slices: list[data.Slice]) -> dict[str, float]:
    """AUC over covid_ct, over the volumes (seg20, seg20rp), of drawn lesions against other lungs, and the mean of those that there are.

    That against each set of other lungs is not in the mean.
    """
    label, source = np.array([s.label for s in slices]), np.array([s.source for s in slices])
    others = np.isin(source, data.OTHER_LUNGS)
    kinds = {
        "covid_ct": source == "covid_ct",
        "volumes": np.isin(source, VOLUMES),
        "others": (np.isin(source, DRAWN) & (label == 1)) | others,
    }
    kinds |= {name: (np.isin(source, DRAWN) & (label == 1)) | (source == name) for name in data.OTHER_LUNGS}
    row = {f"auc_{kind}": metrics.auc(score[chosen], label[chosen]) for kind, chosen in kinds.items()}
    return row | {"auc": float(np.nanmean([row[f"auc_{kind}"] for kind in ("covid_ct", "volumes", "others")]))}


def optimiser_groups(network: nn.Module, extra: nn.Module, plan: recipe.Optimiser) -> list[dict]:
    """Weights decay, offsets and scales do not."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1] + list(extra.parameters())
    return [{"params": decayed, "base": plan.rate}, {"params": others, "base": plan.rate, "weight_decay": 0.0}]


def train(arguments: argparse.Namespace) -> None:
    table = recipe.load(arguments.recipe).classifier
    precision = run.begin(arguments)
    slices = data.load(arguments.data)
    sampler = ClassifierSampler(slices, arguments.seed, table, arguments.without)
    held_out = validation_slices(slices, THINNED)
    network = Res2Net(arguments.depth)
    stored: dict = {"depth": arguments.depth}
    begun = arguments.resume or arguments.begin_with
    if table.start == "shipped" and not begun:
        network, stored["start"] = warm.shipped_classifier(table, slices, arguments.models, arguments.without)
    elif arguments.pretrained:
        trunk = checkpoint.load(arguments.pretrained)
        network.load_state_dict(trunk_of(trunk))
        stored |= {"pretrained_options": trunk["options"], "pretrained_recipe": trunk["recipe"], "pretrained_iteration": trunk["iteration"]}
    network = network.to(arguments.device).to(memory_format=torch.channels_last)
    cell_loss = CellLoss().to(arguments.device)
    optimiser = run.optimiser_for(optimiser_groups(network, cell_loss, table.optimiser), table.optimiser)
    parts = run.Parts(network, checkpoint.Average(network, table.optimiser.average), optimiser, cell_loss)

    def step(iteration: int, progress: float) -> tuple[Tensor, dict[str, float]]:
        batch = sampler.batch(iteration, stage_at(table.stages, progress))
        images, labels, cells, known = (part.to(arguments.device) for part in batch)
        with arithmetic.context(precision, arguments.device):
            features = network.features(images.contiguous(memory_format=torch.channels_last)).float()
        cell_logits = network.cell_logits(features)
        evidence = cell_logits[:, COVID] - cell_logits[:, 1 - COVID]
        losses = {
            "loss": (1.0, mixed_label_loss(cell_logits.mean((2, 3)), labels)),
            "cell_loss": (table.cell_weight, cell_loss(evidence, cells, known)),
            "mapping_loss": (table.mapping_weight, mapping_loss(activation_mapping(features, network.fc.weight), cells, known)),
            "pointing_loss": (table.pointing_weight, pointing_loss(evidence, cells, known)),
        }
        total = torch.stack([weight * loss for weight, loss in losses.values()]).sum()
        return total, {name: loss.item() for name, (_, loss) in losses.items()}

    def validate(average: nn.Module, progress: float) -> dict[str, float]:
        score = scores(average, held_out, stage_at(table.stages, progress).size, precision)
        return auc_by_kind(score, held_out)

    run.Run(NAME, arguments, table, parts, stored).go(step, validate, "auc")


def parser() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--pretrained", type=pathlib.Path, default=None, help="checkpoint of jcs.pretrain_classifier to start from")
    arguments.add_argument("--without", action="append", default=[], choices=data.SETS, help="leave a set out, to test on it; repeatable")
    arguments.add_argument("--depth", type=int, default=50, choices=(50, 101))
    run.add_arguments(arguments)
    return arguments


if __name__ == "__main__":
    train(parser().parse_args())
