"""The shipped files as networks that can be trained."""

import numpy as np
import onnx
import pytest
import torch

from jcs import experiment, manifest, prepare, reference, train_segmenter, validate, warm
from jcs.networks.res2net import Res2Net
from jcs.networks.segmenter import Segmenter


def prepared(count: int, size: int) -> torch.Tensor:
    """The test picture, lighter and darker."""
    hu = torch.from_numpy(reference.picture()[0])
    hu = torch.nn.functional.interpolate(hu, (size, size), mode="area")
    return prepare.prepare(torch.cat([hu + 40 * k for k in range(count)]))


def shaken(network: torch.nn.Module) -> torch.nn.Module:
    """With normalisation that does something."""
    torch.manual_seed(1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.2, 1)
            torch.nn.init.normal_(module.bias, 0, 0.3)
    return network.eval()


def last(output: torch.Tensor | list[torch.Tensor]) -> torch.Tensor:
    return output[0] if isinstance(output, list) else output


@pytest.mark.parametrize("make", [lambda: Res2Net(50), lambda: Segmenter(normalise=True)], ids=["classifier", "segmenter"])
def test_settling_changes_no_answer_and_a_training_step_sees_the_same(make):
    network, batch = shaken(make()), prepared(6, 64)
    with torch.no_grad():
        before = last(network(batch))
        warm.settle(network, [batch])
        after, training = last(network(batch)), last(network.train()(batch))
    scale = float(before.abs().max())
    assert float((after - before).abs().max()) < 1e-3 * scale
    assert float((training - before).abs().max()) < 0.02 * scale


def test_weights_are_as_large_as_fresh_ones_after_settling():
    network = shaken(Res2Net(50))
    torch.nn.init.normal_(network.layer2[1].conv1.weight, 0, 7)
    warm.settle(network, [prepared(2, 64)])
    fresh = Res2Net(50).layer2[1].conv1.weight.detach().std()
    assert network.layer2[1].conv1.weight.detach().std().item() == pytest.approx(fresh.item(), rel=0.1)


def test_every_convolution_has_its_own_normalisation():
    for network in (Res2Net(50), Segmenter(normalise=True)):
        pairs = warm.normalised(network)
        norms = [name for name, module in network.named_modules() if isinstance(module, torch.nn.BatchNorm2d)]
        assert sorted(pairs.values()) == sorted(norms)
        for convolution, norm in pairs.items():
            assert network.get_submodule(convolution).out_channels == network.get_submodule(norm).num_features


def test_the_warm_classifier_says_what_the_shipped_file_says():
    model, origin = warm.shipped(manifest.models_folder(), "classifier")
    entry = manifest.read(manifest.models_folder())["classifier"]
    assert origin.startswith(f"jcs-classifier.onnx {entry['version']} {entry['precision']} {entry['sha256']}")
    network = experiment.network_of(warm.record(warm.classifier(model, [prepared(4, 96)]), origin))
    hu, _ = reference.picture()
    probability, activation = experiment.in_torch(network, entry["size"], torch.from_numpy(hu))
    said, shown = validate.session(model.SerializeToString(), 1).run(["probability", "activation"], {"hu": hu})
    assert probability[0] == pytest.approx(said[0], abs=0.05)
    assert np.corrcoef(activation.ravel(), shown.ravel())[0, 1] > 0.98


def test_the_warm_segmenter_says_what_the_shipped_file_says():
    model, _ = warm.shipped(manifest.models_folder(), "segmenter")
    entry = manifest.read(manifest.models_folder())["segmenter"]
    network = warm.segmenter(model, [prepared(2, 64)], normalise=True).eval()
    hu, _ = reference.picture()
    (marked,) = experiment.in_torch(network, entry["size"], torch.from_numpy(hu))
    (said,) = validate.session(model.SerializeToString(), 1).run(["mask_probability"], {"hu": hu})
    assert np.abs(marked - said).mean() < 0.001 and said.max() > 0.5
    assert ((marked > 0.5) & (said > 0.5)).sum() > 0.95 * ((marked > 0.5) | (said > 0.5)).sum()


def test_a_file_without_a_layer_is_refused():
    model = onnx.ModelProto()
    model.CopyFrom(warm.shipped(manifest.models_folder(), "classifier")[0])
    for tensor in model.graph.initializer:
        if "layer3.2.convs.1.weight" in tensor.name:
            tensor.name += "x"
    with pytest.raises(warm.WarmError, match=r"no weight of layer3\.2\.convs\.1"):
        warm.fill(Res2Net(50), model)


def test_another_file_than_the_manifests_is_refused(tmp_path):
    entry = {"file": "c.onnx", "name": "n", "version": "1", "status": "trained", "precision": "int8", "window": [0, 1], "size": 8}
    manifest.publish(tmp_path, "classifier", b"weights", entry | {"operating_point": 0.5, "licence": "none"})
    (tmp_path / "c.onnx").write_bytes(b"others")
    with pytest.raises(warm.WarmError, match="not the file that manifest.toml names"):
        warm.shipped(tmp_path, "classifier")


def test_unet_and_shipped_do_not_go_together():
    with pytest.raises(SystemExit, match="no shipped"):
        train_segmenter.train(train_segmenter.parser().parse_args(["--network", "unet", "--recipe", "warm"]))


def test_fp32_and_int8_constants_are_read_alike():
    values = np.array([[1.0, -0.5], [0.25, 2.0]], np.float32)
    scale, zero = np.array([1 / 64, 1 / 32], np.float32), np.zeros(2, np.int8)
    quantised = np.round(values / scale[:, None]).astype(np.int8)
    node = onnx.helper.make_node("DequantizeLinear", ["w_quantized", "s", "z"], ["w"], axis=0)
    arrays = {"w_quantized": quantised, "s": scale, "z": zero, "plain": values}
    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()]
    found = warm.initializers(onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], [], tensors)))
    assert torch.equal(found["w"], torch.from_numpy(values)) and torch.equal(found["plain"], found["w"])
