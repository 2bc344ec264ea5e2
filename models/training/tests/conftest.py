"""What tests of several files share."""

import onnx
import pytest
import torch

from hand_made import SIZE, settled
from jcs import graph
from jcs.networks import res2net


@pytest.fixture(scope="session")
def few_blocks():
    """A way to make the classifier's trunk of one block for each layer, which has every part and a third of the weights."""

    def shrink(patch: pytest.MonkeyPatch) -> None:
        patch.setitem(res2net.BLOCKS, 50, (1, 1, 1, 1))

    return shrink


@pytest.fixture(scope="module")
def shallow_trunk(few_blocks):
    """The same for all tests of a file."""
    with pytest.MonkeyPatch.context() as patch:
        few_blocks(patch)
        yield


@pytest.fixture(scope="session")
def trunk(few_blocks) -> res2net.Res2Net:
    """A small classifier that says something."""
    with pytest.MonkeyPatch.context() as patch:
        few_blocks(patch)
        network = res2net.Res2Net()
    torch.nn.init.normal_(network.fc.weight, std=0.3)
    return settled(network)


@pytest.fixture(scope="session")
def trunk_core(trunk) -> onnx.ModelProto:
    """Exporting takes long: what is served of it begins with this."""
    return graph.classifier_core(trunk, SIZE)


@pytest.fixture(scope="session")
def served_trunk(trunk, trunk_core) -> onnx.ModelProto:
    return graph.classifier(trunk_core, trunk, SIZE)
