"""The published networks, and the checkpoints that fit them: names and shapes stand here by hand, from the published code."""

import pickle
import tomllib
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from jcs import convert, graph, validate
from jcs.frame import put_back
from jcs.networks import res2net
from jcs.networks.published import (
    Encoder,
    FrozenNormalisation,
    Fusion,
    PublishedSegmenter,
    fold_frozen_normalisation,
    published_classifier,
    set_epsilon,
)
from jcs.networks.res2net import activation_mapping
from jcs.published_input import IMAGENET_MEAN, IMAGENET_SPREAD, PublishedPreparation, centre_crop

WINDOW = (-1350.0, 150.0)
VGG = """conv1_1 3 64, conv1_2 64 64, conv2_1 64 128, conv2_2 128 128, conv3_1 128 256, conv3_2 256 256, conv3_3 256 256, conv4_1 256 512,
conv4_2 512 512, conv4_3 512 512, conv5_1 512 512, conv5_2 512 512, conv5_3 512 512"""
INNERS_A = ((32, 64), (64, 128), (128, 256), (256, 512), (256, 512), (512, 512))
INNERS_B = ((32, 128), (64, 256), (128, 512), (256, 512), (256, 512))
STATISTICS = ("weight", "bias", "running_mean", "running_var")
Table = dict[str, tuple[int, ...]]


def segmenter_table() -> Table:
    table: Table = {}

    def add(name: str, *weight: int) -> None:
        table.update({f"{name}.weight": weight, f"{name}.bias": weight[:1]})

    for name, inputs, outputs in (entry.split() for entry in VGG.split(",")):
        add(f"vgg16.{name}.conv", int(outputs), int(inputs), 3, 3)
        table.update({f"vgg16.{name}.bn.{statistic}": (int(outputs),) for statistic in STATISTICS})
    for module in ("gpd", "gpd1"):
        add(f"{module}.expand_conv.conv", 1024, 512, 1, 1)
        for number in range(4):
            add(f"{module}.dilation_convs.{number}", 256, 256, 3, 3)
        add(f"{module}.se_block.linear1", 256, 1024)
        add(f"{module}.se_block.linear2", 1024, 256)
        add(f"{module}.reduce_conv.conv", 512, 1024, 1, 1)
        add(f"{module}.end_conv.conv", 512, 512, 3, 3)
    for name, shapes in (("inners_a", INNERS_A), ("inners_b", INNERS_B)):
        for level, shape in enumerate(shapes):
            add(f"fpn.{name}.{level}.conv", *shape, 1, 1)
    for level, c in enumerate((64, 128, 256, 512, 512)):
        both = c * 3 // 2
        add(f"fpn.fuse.{level}.se1.linear1", 1, c)
        add(f"fpn.fuse.{level}.se1.linear2", c, 1)
        add(f"fpn.fuse.{level}.conv1.conv", c, c, 3, 3)
        add(f"fpn.fuse.{level}.se2.linear1", 1, both)
        add(f"fpn.fuse.{level}.se2.linear2", both, 1)
        add(f"fpn.fuse.{level}.reduce_conv.conv", c, both, 1, 1)
        add(f"fpn.fuse.{level}.conv2.conv", c, c, 3, 3)
        add(f"cls{level + 1}", 1, c, 1, 1)
    add("fpn.fuse.5.conv", 512, 512, 3, 3)
    return table


def classifier_table(blocks: tuple[int, ...] = (3, 4, 23, 3)) -> Table:
    table: Table = {}

    def normalised(convolution: str, normalisation: str, *weight: int) -> None:
        table[f"{convolution}.weight"] = weight
        table.update({f"{normalisation}.{statistic}": weight[:1] for statistic in STATISTICS})

    normalised("conv1.0", "conv1.1", 32, 3, 3, 3)
    normalised("conv1.3", "conv1.4", 32, 32, 3, 3)
    normalised("conv1.6", "bn1", 64, 32, 3, 3)
    inputs = 64
    for layer, (count, width, split, outputs) in enumerate(
        zip(blocks, (104, 208, 416, 832), (26, 52, 104, 208), (256, 512, 1024, 2048)), 1
    ):
        for number in range(count):
            block = f"layer{layer}.{number}"
            normalised(f"{block}.conv1", f"{block}.bn1", width, inputs, 1, 1)
            for group in range(3):
                normalised(f"{block}.convs.{group}", f"{block}.bns.{group}", split, split, 3, 3)
            normalised(f"{block}.conv3", f"{block}.bn3", outputs, width, 1, 1)
            if number == 0:
                normalised(f"{block}.downsample.1", f"{block}.downsample.2", outputs, inputs, 1, 1)
            inputs = outputs
    table["fc.weight"] = (2, 2048)
    return table


def checkpoint(table: Table) -> dict[str, torch.Tensor]:
    """Random tensors that keep activations ordinary."""
    source = torch.Generator().manual_seed(7)
    state = {}
    for key, shape in table.items():
        values = torch.randn(shape, generator=source)
        if len(shape) > 1:
            state[key] = values * (2 / values[0].numel()) ** 0.5
        elif key.endswith(("bias", "running_mean")):
            state[key] = values / 10
        else:
            state[key] = 0.5 + torch.rand(shape, generator=source)
    return state


@pytest.fixture(scope="module")
def segmenter_checkpoint():
    return checkpoint(segmenter_table())


def loaded(state: dict[str, torch.Tensor], pool4: bool = False) -> PublishedSegmenter:
    with torch.device("meta"):
        network = PublishedSegmenter(pool4)
    network.load_state_dict(state, strict=True, assign=True)
    return network.eval()


@pytest.fixture(scope="module")
def segmenter(segmenter_checkpoint):
    return loaded(segmenter_checkpoint)


@pytest.fixture
def shallow(monkeypatch):
    """One block for each layer instead of 3, 4, 23, 3, since exporting takes long."""
    monkeypatch.setitem(res2net.BLOCKS, 101, (1, 1, 1, 1))
    return checkpoint(classifier_table((1, 1, 1, 1)))


def test_segmenter_has_the_published_tensors(segmenter):
    table = segmenter_table()
    assert len(table) == 218
    assert {key: tuple(value.shape) for key, value in segmenter.state_dict().items()} == table
    assert sum(p.numel() for p in segmenter.parameters()) == 42_501_423
    assert sum(b.numel() for b in segmenter.buffers()) == 16_896


def test_classifier_has_the_published_tensors():
    with torch.device("meta"):
        network = published_classifier()
    table = classifier_table()
    assert len(table) == 861
    assert {key: tuple(v.shape) for key, v in network.state_dict().items() if not key.endswith("num_batches_tracked")} == table
    assert sum(p.numel() for p in network.parameters()) == 43_181_018 - 2  # no bias


def test_every_tensor_of_the_segmenter_takes_part(segmenter):
    sides = segmenter(torch.randn(1, 3, 32, 32))
    sum(side.sum() for side in sides).backward()
    assert [name for name, p in segmenter.named_parameters() if p.grad is None] == []
    segmenter.zero_grad(set_to_none=True)


@pytest.mark.parametrize(("pool4", "strides"), [(False, [1, 2, 4, 8, 8, 16]), (True, [1, 2, 4, 8, 16, 32])])
def test_block_5_reads_conv4_3_unless_pool4_is_asked_for(segmenter_checkpoint, pool4, strides):
    network = loaded(segmenter_checkpoint, pool4)
    widths = {}
    names = ["vgg16.conv1_2", "vgg16.conv2_2", "vgg16.conv3_3", "vgg16.conv4_3", "vgg16.conv5_3", "gpd1"]
    hooks = [network.get_submodule(n).register_forward_hook(lambda m, i, o, n=n: widths.update({n: o.shape[3]})) for n in names]
    with torch.no_grad():
        sides = network(torch.randn(1, 3, 32, 96))
    for hook in hooks:
        hook.remove()
    assert [96 // widths[n] for n in names] == strides
    assert [tuple(side.shape) for side in sides] == [(1, 1, 32 // s, 96 // s) for s in strides[:5]]


def test_sides_that_no_stride_divides_are_taken(segmenter):
    with torch.no_grad():
        assert segmenter(torch.randn(1, 3, 37, 41))[0].shape == (1, 1, 37, 41)


def test_halves_are_joined_in_the_published_order():
    torch.manual_seed(0)
    fusion = Fusion(4)
    w = fusion.state_dict()
    lateral, upper = torch.rand(2, 1, 2, 5, 5)

    def excited(x: torch.Tensor, name: str) -> torch.Tensor:
        hidden = F.relu(F.linear(x.mean((2, 3)), w[f"{name}.linear1.weight"], w[f"{name}.linear1.bias"]))
        return x * torch.sigmoid(F.linear(hidden, w[f"{name}.linear2.weight"], w[f"{name}.linear2.bias"]))[:, :, None, None]

    def convolved(x: torch.Tensor, name: str) -> torch.Tensor:
        return F.relu(F.conv2d(x, w[f"{name}.conv.weight"], w[f"{name}.conv.bias"], padding="same"))

    first = convolved(excited(torch.cat([lateral, upper], 1), "se1"), "conv1")
    second = convolved(convolved(excited(torch.cat([first, upper], 1), "se2"), "reduce_conv"), "conv2")
    torch.testing.assert_close(fusion(lateral, upper), second)


def test_frozen_normalisation_adds_the_epsilon_that_was_chosen():
    normalisation = FrozenNormalisation(1)
    normalisation.running_var.fill_(1e-6)
    normalisation.running_mean.fill_(2.0)
    x = torch.full((1, 1, 1, 1), 3.0)
    assert normalisation(x).item() == pytest.approx(1e3)
    set_epsilon(normalisation, 1e-5)
    ordinary = F.batch_norm(x, normalisation.running_mean, normalisation.running_var, eps=1e-5)
    assert normalisation(x).item() == pytest.approx(ordinary.item())


def test_folding_keeps_the_answer(segmenter_checkpoint):
    encoder = Encoder(pool4=False)
    encoder.load_state_dict({k.removeprefix("vgg16."): v for k, v in segmenter_checkpoint.items() if k.startswith("vgg16.")})
    image = torch.randn(1, 3, 32, 40)
    with torch.no_grad():
        before = encoder(image)
        fold_frozen_normalisation(encoder)
        after = encoder(image)
    assert not list(encoder.buffers())
    for unfolded, folded in zip(before, after):
        torch.testing.assert_close(folded, unfolded, atol=1e-4, rtol=1e-4)


def hounsfield(*shape: int) -> torch.Tensor:
    """Smooth HU from below the window to above it, in whole numbers."""
    coarse = torch.rand(shape[0], 1, 6, 6, generator=torch.Generator().manual_seed(3)) * 1900 - 1600
    return F.interpolate(coarse, shape[1:], mode="bilinear").round()


def test_8_bit_input_is_the_published_picture():
    hu = torch.tensor([[-2000.0, -1350.0, -1349.0, -600.0, 149.0, 150.0, 3000.0]]).expand(7, 7)[None, None]
    prepared, _ = PublishedPreparation(7, "slice", WINDOW, eight_bit=True)(hu)
    grey = torch.tensor([0, 0, 0, 128, 255, 255, 255]) / 255
    for channel in range(3):
        expected = (grey - IMAGENET_MEAN[channel]) / IMAGENET_SPREAD[channel]
        torch.testing.assert_close(prepared[0, channel], expected.expand(7, 7), atol=1e-4, rtol=0)
    exact, _ = PublishedPreparation(7, "slice", WINDOW, eight_bit=False)(hu)
    assert float(exact[0, 0, 0, 3]) == pytest.approx((0.5 - 0.485) / 0.229, abs=1e-4)


@pytest.mark.parametrize("size", [(512, 512), (300, 411), (200, 180)])
def test_crop_is_what_resizing_and_cutting_a_picture_gives(size):
    hu = hounsfield(1, *size)
    prepared, box = PublishedPreparation(224, "crop", WINDOW, eight_bit=True)(hu)
    grey = ((hu[0, 0].clamp(*WINDOW) - WINDOW[0]) * 255 / 1500).round().numpy().astype(np.uint8)
    rows, columns = size
    high, wide = (256, int(256 * columns / rows)) if rows <= columns else (int(256 * rows / columns), 256)
    top, left = round((high - 224) / 2), round((wide - 224) / 2)
    picture = np.asarray(Image.fromarray(grey).resize((wide, high), Image.Resampling.BILINEAR))[top : top + 224, left : left + 224]
    ours = prepared[0, 0] * IMAGENET_SPREAD[0] + IMAGENET_MEAN[0]
    assert np.abs(ours.numpy() * 255 - picture).max() < 1.1  # the library rounds to 8 bits twice more
    torch.testing.assert_close(box, centre_crop(hu))
    assert box[0, 2] / columns == pytest.approx(224 / wide) and box[0, 3] / rows == pytest.approx(224 / high)


def run(folder, network: str, hu: torch.Tensor) -> list[np.ndarray]:
    entry = tomllib.loads((folder / "manifest.toml").read_text())[network]
    return validate.session((folder / entry["file"]).read_bytes(), 1).run(None, {"hu": hu.numpy()})


def test_segmenter_is_served_as_the_unfolded_network_answers(tmp_path, segmenter, segmenter_checkpoint, capsys):
    # As training saves it, on several GPUs, with the PyTorch of its day.
    wrapped = {"epoch": 60, "state_dict": {f"module.{key}": value for key, value in segmenter_checkpoint.items()}}
    torch.save(wrapped, tmp_path / "single.pth", _use_new_zipfile_serialization=False)
    convert.main(["segmenter", "--checkpoint", str(tmp_path / "single.pth"), "--folder", str(tmp_path / "out"), "--size", "48"])
    assert "needs a classifier" in capsys.readouterr().out
    entry = tomllib.loads((tmp_path / "out/manifest.toml").read_text())["segmenter"]
    assert entry["status"] == "preliminary" and entry["size"] == 48 and entry["version"].startswith("published-")
    for shape in ((1, 70, 90), (3, 47, 33)):
        hu = hounsfield(*shape)
        with torch.no_grad():
            prepared, box = PublishedPreparation(48, "slice", WINDOW, eight_bit=True)(hu)
            expected = put_back(torch.sigmoid(segmenter(prepared)[0]), box, *shape[1:], shape[1:])[:, 0]
        (mask,) = run(tmp_path / "out", "segmenter", hu)
        assert mask.dtype == np.float32 and mask.shape == shape
        assert 0 <= mask.min() and mask.max() <= 1 and np.ptp(mask) > 0.01
        np.testing.assert_allclose(mask, expected, atol=1e-4)


def test_classifier_is_served_as_the_network_answers(tmp_path, shallow, capsys):
    file = shallow | {"bn1.num_batches_tracked": torch.tensor(9), "fc.bias": torch.ones(2), "segloss.weight": torch.ones(3)}
    torch.save(file, tmp_path / "cls.pth")
    convert.main(
        ["classifier", "--checkpoint", str(tmp_path / "cls.pth"), "--folder", str(tmp_path / "out")]
        + ["--batch-norm-epsilon", "1e-5", "--version", "7", "--status", "trained"]
    )
    said = capsys.readouterr().out
    assert "    fc.bias\n    segloss.weight\n" in said and "1 x num_batches_tracked" in said
    network = published_classifier()
    network.load_state_dict(shallow, strict=False)
    set_epsilon(network.eval(), 1e-5)
    hu = hounsfield(2, 130, 90)
    with torch.no_grad():
        prepared, box = PublishedPreparation(224, "crop", WINDOW, eight_bit=True)(hu)
        features = network.features(prepared)
        cells = activation_mapping(features, network.fc.weight)
        expected = torch.softmax(network(prepared), 1)[:, 1], put_back(cells[:, None], box, 130, 90, (64, 64))[:, 0]
    probability, activations = run(tmp_path / "out", "classifier", hu)
    np.testing.assert_allclose(probability, expected[0], atol=1e-4)
    np.testing.assert_allclose(activations, expected[1], atol=1e-4 * max(1.0, float(expected[1].max())))
    # The crop leaves a sixteenth on the left and right, and more above and below, of a slice that is higher than wide.
    assert activations.min() >= 0 and activations[:, :, 5:59].max() > 0
    assert activations[:, :, :3].max() == 0 and activations[:, :, 61:].max() == 0 and activations[:, :12].max() == 0


def test_the_demonstrations_grad_cam_can_be_served():
    fc = nn.Linear(6, 2, bias=False)
    after = graph.ClassifierAnswer(SimpleNamespace(fc=fc), convert.MAPPINGS["grad-cam"])
    features, hu = torch.rand(2, 6, 7, 7), torch.zeros(2, 1, 64, 64)
    box = torch.tensor([[0.0, 0.0, 64.0, 64.0]] * 2)
    model = graph.answer(after, features, graph.FEATURES, ["probability", "activation"])
    inputs = {graph.FEATURES: features, graph.FRAME: box, "hu": hu}
    wanted = {i.name for i in model.graph.input}
    _, activation = validate.session(model.SerializeToString(), 1).run(
        None, {name: v.numpy() for name, v in inputs.items() if name in wanted}
    )
    cells = torch.relu(torch.einsum("nkij,k->nij", features, fc.weight[1] / 49)).detach()
    assert float(cells.min()) >= 0 and float(cells.max()) > 0
    np.testing.assert_allclose(activation, put_back(cells[:, None], box, 64, 64, (64, 64))[:, 0], atol=1e-5)


def refusal(role: str, state: dict[str, torch.Tensor], epsilon: float = 0.0) -> str:
    with torch.device("meta"):  # shapes alone
        network = PublishedSegmenter() if role == "segmenter" else published_classifier()
    with pytest.raises(convert.Refusal) as caught:
        convert.load(network, state, role, epsilon)
    return str(caught.value)


@pytest.mark.parametrize("role", ["segmenter", "classifier"])
@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda state, key: state.pop(key), "{key} {shape} is missing"),
        (lambda state, key: state.update({key: torch.ones(3, 5)}), "{key} is [3, 5], not {shape}"),
        (lambda state, key: state.update({key: torch.full_like(state[key], torch.nan)}), "{key} holds something else than finite numbers"),
        (lambda state, key: state.update({key: torch.zeros_like(state[key], dtype=torch.int64)}), "{key} holds something else"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(role, change, text):
    key = {"segmenter": "fpn.fuse.2.se2.linear1.weight", "classifier": "layer3.22.bns.1.running_mean"}[role]
    table = {"segmenter": segmenter_table, "classifier": classifier_table}[role]()
    # One element stands for all of them.
    state = {name: torch.ones(()).expand(shape) for name, shape in table.items()}
    change(state, key)
    said = refusal(role, state)
    assert said.count("\n") == 1 and text.format(key=key, shape=list(table[key])) in said


def test_a_channel_without_variance_needs_an_epsilon():
    state = {name: torch.ones(()).expand(shape) for name, shape in classifier_table().items()}
    state["layer1.0.bn1.running_var"] = torch.zeros(104)
    assert "layer1.0.bn1.running_var has a channel whose variance is 0: choose --batch-norm-epsilon 1e-05" in refusal("classifier", state)


def test_the_segmenter_has_no_tensor_to_spare():
    state = {name: torch.ones(()).expand(shape) for name, shape in segmenter_table().items()}
    assert "cls6.weight is no tensor of this network" in refusal("segmenter", state | {"cls6.weight": torch.ones(1)})


@pytest.mark.parametrize("role", ["segmenter", "classifier"])
def test_the_joint_network_is_refused(role):
    state = {name: torch.ones(()).expand(shape) for name, shape in segmenter_table().items()}
    assert "joint network" in refusal(role, state | {"res2net.conv1.0.weight": torch.ones(32, 3, 3, 3)})


def test_the_other_networks_checkpoint_is_recognised():
    tables = {"classifier": segmenter_table(), "segmenter": classifier_table()}
    for role, table in tables.items():
        other = {"classifier": "segmenter", "segmenter": "classifier"}[role]
        assert f"python -m jcs.convert {other}" in refusal(role, {name: torch.ones(()).expand(shape) for name, shape in table.items()})


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_file_that_is_more_than_tensors_is_not_run(tmp_path, capsys):
    (tmp_path / "trap.pth").write_bytes(pickle.dumps({"state_dict": Trap(tmp_path / "sprung")}, protocol=2))
    (tmp_path / "page.pth").write_text("<!DOCTYPE html><html>Virus scan warning</html>")
    (tmp_path / "list.pth").write_bytes(b"")
    torch.save([torch.ones(1)], tmp_path / "tensors.pth")
    said = {}
    for name in ("trap", "page", "list", "tensors", "absent"):
        with pytest.raises(SystemExit) as caught:
            convert.main(["segmenter", "--checkpoint", str(tmp_path / f"{name}.pth"), "--folder", str(tmp_path / "out")])
        said[name] = str(caught.value)
    assert not (tmp_path / "sprung").exists() and not (tmp_path / "out").exists()
    for name in ("trap", "page", "list"):
        assert "cannot be read as weights alone" in said[name] and "weights_only=False" in said[name], said[name]
    assert "no table of named tensors" in said["tensors"] and "absent.pth" in said["absent"]
