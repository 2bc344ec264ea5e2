"""What a trunk's features tell of the set that a slice comes from: a linear probe."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

FOLDS = 4


def halves(patients: list[str], folds: int = FOLDS) -> np.ndarray:
    """Fold of each slice; all slices of a patient are in one. [N]"""
    names = sorted(set(patients))
    order = np.random.default_rng(0).permutation(len(names))
    fold = {name: int(order[i]) % folds for i, name in enumerate(names)}
    return np.array([fold[name] for name in patients])


def fitted(features: Tensor, target: Tensor, classes: int, decay: float) -> tuple[Tensor, Tensor]:
    """Softmax regression of features [N, C] that classes weigh alike in: weights [classes, C] and bias [classes]."""
    weights, bias = torch.zeros(classes, features.shape[1], requires_grad=True), torch.zeros(classes, requires_grad=True)
    counts = torch.bincount(target, minlength=classes).float()
    importance = torch.where(counts > 0, 1 / counts.clamp(min=1), 0)
    optimiser = torch.optim.LBFGS([weights, bias], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = F.cross_entropy(F.linear(features, weights, bias), target, weight=importance) + decay / 2 * (weights * weights).sum()
        value.backward()
        return value

    optimiser.step(loss)
    return weights.detach(), bias.detach()


def told(features: np.ndarray, sources: list[str], patients: list[str], decay: float = 0.01) -> dict[str, float]:
    """Share of each set's slices whose set a probe names that was fitted to other patients, and the mean of the sets.

    Sets of fewer than two patients for each fold are left out, since nothing would be learned of them; {} if fewer than two sets are left.
    """
    enough = {name for name in set(sources) if len({p for s, p in zip(sources, patients) if s == name}) >= 2 * FOLDS}
    if len(enough) < 2:
        return {}
    kept = [k for k, source in enumerate(sources) if source in enough]
    features, sources, patients = features[kept], [sources[k] for k in kept], [patients[k] for k in kept]
    names = sorted(enough)
    target = torch.tensor([names.index(source) for source in sources])
    fold = halves([f"{source}/{patient}" for source, patient in zip(sources, patients)])
    values = torch.from_numpy(np.asarray(features, np.float32))
    right = np.zeros(len(sources), bool)
    for part in range(FOLDS):
        train, test = torch.from_numpy(fold != part), torch.from_numpy(fold == part)
        if not bool(test.any()):
            continue
        mean, spread = values[train].mean(0), values[train].std(0) + 1e-6
        weights, bias = fitted((values[train] - mean) / spread, target[train], len(names), decay)
        found = F.linear((values[test] - mean) / spread, weights, bias).argmax(1)
        right[fold == part] = (found == target[test]).numpy()
    row = {name: float(right[np.array(sources) == name].mean()) for name in names}
    return row | {"mean": float(np.mean(list(row.values()))), "chance": 1 / len(names)}
