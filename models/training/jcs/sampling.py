"""What a training run draws: slices of the training split, by set and label, some with lesions or lung of other slices put in.

The same seed and iteration give the same batch.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from jcs import augment, data
from jcs.prepare import mask_to_cells, prepare
from jcs.recipe import ClassifierRecipe, PretrainRecipe, SegmenterRecipe, Views
from jcs.schedule import Stage
from jcs.transplant import sham, transplanted

HOSTS = ("luna", "emph")  # sets whose lungs take lesions
FEWEST = 5  # slices of a label in a set; fewer are left out, since each would be half of the set's share
TRIES = 4  # transplants until one is large enough to be a positive

Batch = tuple[Tensor, Tensor, Tensor, Tensor]


def any_of(pool: list[data.Slice], rng: np.random.Generator) -> data.Slice:
    return pool[rng.integers(len(pool))]


class Grafts:
    """Slices made of several: see `jcs.transplant`."""

    def __init__(self, train: list[data.Slice], sources: list[str], views: Views):
        self.views = views
        self.hosts = {k: [s for s in train if s.source == k and s.label == 0 and s.lung is not None] for k in HOSTS if k in sources}
        self.hosts = {k: found for k, found in self.hosts.items() if found}
        self.with_lung = [s for s in train if s.lung is not None]
        self.donors = [s for s in train if s.source in sources and s.source not in HOSTS and s.lesion is not None and s.lesion.any()]
        self.healthy = [s for s in self.with_lung if s.lesion is not None and not s.lesion.any()]

    def drawn(self) -> list[data.Slice]:
        return [*self.with_lung, *self.donors, *(s for found in self.hosts.values() for s in found)]

    def can_be_positive(self, source: str) -> bool:
        return bool(self.views.transplants and self.donors and self.hosts.get(source))

    def positive(self, source: str, rng: np.random.Generator) -> data.Slice:
        """A host with lesions that make it positive; where they fall beside its lungs each time, a donor itself."""
        for _ in range(TRIES):
            donor = any_of(self.donors, rng)
            item = transplanted(any_of(self.hosts[source], rng), donor, rng)
            if item.label == 1:
                return item
        return donor

    def marked(self, host: data.Slice, rng: np.random.Generator) -> data.Slice:
        return transplanted(host, any_of(self.donors, rng), rng) if self.donors and host.lung is not None else host

    def seamed(self, host: data.Slice, rng: np.random.Generator) -> data.Slice:
        """A host without lesions, now and then with lung of another slice."""
        if host.lung is None or not self.donors or not self.healthy or rng.random() >= self.views.shams:
            return host
        return sham(host, any_of(self.healthy, rng), any_of(self.donors, rng), rng)

    def abdomen(self, rng: np.random.Generator) -> data.Slice | None:
        """Now and then a slice as of the abdomen."""
        if not self.with_lung or rng.random() >= self.views.filled:
            return None
        return data.with_lungs_filled(any_of(self.with_lung, rng), rng)


class SegmenterSampler:
    """`outlined` are slices of `jcs.self_training`, where the recipe asks for them."""

    def __init__(self, slices: list[data.Slice], seed: int, table: SegmenterRecipe, outlined: Sequence[data.Slice] = ()):
        self.seed, self.table = seed, table
        self.outlined = list(outlined) if table.self_training else []
        train = [s for s in slices if s.split == "train" and s.lesion is not None]
        self.sources = [source for source in table.share if any(s.source == source for s in train)]
        self.share = np.array([table.share[source] for source in self.sources])
        self.share /= self.share.sum()
        self.lesion = {k: [s for s in train if s.source == k and s.lesions.any()] for k in self.sources}
        self.empty = {k: [s for s in train if s.source == k and not s.lesions.any()] for k in self.sources}
        self.grafts = Grafts(train, self.sources, table.views)

    def drawn(self) -> list[data.Slice]:
        return [s for pool in (*self.lesion.values(), *self.empty.values(), self.grafts.drawn(), self.outlined) for s in pool]

    def draw(self, rng: np.random.Generator) -> data.Slice:
        if abdomen := self.grafts.abdomen(rng):
            return abdomen
        if self.outlined and rng.random() < self.table.self_training:
            return any_of(self.outlined, rng)
        source = self.sources[rng.choice(len(self.sources), p=self.share)]
        lesion, empty = self.lesion[source], self.empty[source]
        if not lesion:
            host = any_of(empty, rng)
            marked = source in HOSTS and rng.random() < self.table.views.transplants
            return self.grafts.marked(host, rng) if marked else self.grafts.seamed(host, rng)
        return any_of(empty if empty and rng.random() < self.table.empty else lesion, rng)

    def batch(self, iteration: int, stage: Stage) -> tuple[Tensor, Tensor]:
        """Prepared input [N, 3, S, S] and truth [N, 1, S, S]."""
        rng = np.random.default_rng((self.seed, iteration))
        samples = [augment.sample(self.draw(rng), stage.size, rng, self.table.views.simulated_scanner) for _ in range(stage.batch)]
        return prepare(torch.stack([hu for hu, _ in samples])), torch.stack([lesion for _, lesion in samples])


def partners(sources: list[str], labels: list[int], rng: np.random.Generator) -> np.ndarray:
    """With which other sample each is mixed: of another set and the other label, else of another set, else any. [N]"""
    chosen = []
    for source, label in zip(sources, labels):
        elsewhere = [k for k, other in enumerate(sources) if other != source]
        opposite = [k for k in elsewhere if labels[k] != label]
        pool = opposite or elsewhere or range(len(sources))
        chosen.append(pool[rng.integers(len(pool))])
    return np.array(chosen)


class ClassifierSampler:
    """As many positives as negatives, and within each set that has both, too: a set's look must not tell the label.

    A set that has one label only, or too few of the other, is drawn for that label.
    """

    def __init__(
        self, slices: list[data.Slice], seed: int, table: ClassifierRecipe | PretrainRecipe, without: list[str] | tuple[str, ...] = ()
    ):
        self.seed, self.table = seed, table
        train = [s for s in slices if s.split == "train" and s.label is not None and s.source not in without]
        self.sources = [source for source in table.share if any(s.source == source for s in train)]
        self.grafts = Grafts(train, self.sources, table.views)
        pools = {(k, label): [s for s in train if s.source == k and s.label == label] for k in self.sources for label in (0, 1)}
        both = {
            k: sum(len(pools[k, label]) >= FEWEST or (label and self.grafts.can_be_positive(k)) for label in (0, 1)) for k in self.sources
        }
        self.pools = {key: pool for key, pool in pools.items() if len(pool) >= (FEWEST if both[key[0]] else 1)}
        self.weights: dict[int, dict[str, float]] = {}
        for label in (0, 1):
            having = [k for k in self.sources if (k, label) in self.pools or (label and self.grafts.can_be_positive(k))]
            total = sum(table.share[k] / max(1, both[k]) for k in having)
            self.weights[label] = {k: table.share[k] / max(1, both[k]) / total for k in having}
        self.labels = [label for label in (0, 1) if self.weights[label]]

    def drawn(self) -> list[data.Slice]:
        return [*(s for pool in self.pools.values() for s in pool), *self.grafts.drawn()]

    def draw(self, rng: np.random.Generator) -> data.Slice:
        if abdomen := self.grafts.abdomen(rng):
            return abdomen
        label = self.labels[rng.integers(len(self.labels))]
        weights = self.weights[label]
        source = list(weights)[rng.choice(len(weights), p=list(weights.values()))]
        if label and self.grafts.can_be_positive(source):
            return self.grafts.positive(source, rng)
        item = any_of(self.pools[source, label], rng)
        return self.grafts.seamed(item, rng) if source in HOSTS else item

    def samples(self, iteration: int, stage: Stage) -> tuple[list[data.Slice], Tensor, Tensor, np.random.Generator]:
        """The slices of a batch, their views in HU and lesions [N, 1, S, S], and the generator for what follows."""
        rng = np.random.default_rng((self.seed, iteration))
        items = [self.draw(rng) for _ in range(stage.batch)]
        samples = [augment.sample(item, stage.size, rng, self.table.views.simulated_scanner) for item in items]
        return items, torch.stack([hu for hu, _ in samples]), torch.stack([lesion for _, lesion in samples]), rng

    def views(self, iteration: int, stage: Stage) -> tuple[Tensor, Tensor, Tensor]:
        """Without labels and not mixed: input [N, 3, S, S], lesion [N, 1, S, S], whether lesions are known [N]."""
        items, images, lesions, _ = self.samples(iteration, stage)
        return prepare(images), lesions, torch.tensor([item.lesion is not None for item in items])

    def batch(self, iteration: int, stage: Stage) -> Batch:
        """Mixed samples (JCS eq. 3): input [N, 3, S, S], label [N], lesion share of cells [N, S/32, S/32], its weight [N]."""
        table = self.table
        if not isinstance(table, ClassifierRecipe):
            raise TypeError("the recipe of the pretraining mixes nothing: views")
        items, images, lesions, rng = self.samples(iteration, stage)
        names = [int(item.label or 0) for item in items]
        labels = torch.tensor(names, dtype=torch.float32)
        # Where the label is 0 no cell shows COVID-19, drawn masks or not.
        known = torch.tensor([float(item.lesion is not None or item.label == 0) for item in items])
        cells = mask_to_cells(lesions, (stage.size // 32, stage.size // 32))[:, 0]
        inputs = prepare(images)
        if rng.random() >= table.mix_share:
            return inputs, labels, cells, known
        part = torch.from_numpy(rng.beta(table.mix_alpha, table.mix_alpha, stage.batch).astype(np.float32))
        if table.mix_across:
            other = torch.from_numpy(partners([item.source for item in items], names, rng))
        else:
            other = torch.from_numpy(rng.permutation(stage.batch))

        def mix(x: Tensor) -> Tensor:
            weight = part.view(-1, *[1] * (x.ndim - 1))
            return weight * x + (1 - weight) * x[other]

        # A mixed sample's cells are known if those of both parts are.
        return mix(inputs), mix(labels), mix(cells), known * known[other]
