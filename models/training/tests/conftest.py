"""What tests of several files share."""

import pytest

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
