"""The contract that the node relies on, checked with the runtime that it uses."""

import hashlib

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from hand_made import SIZE, chest, hounsfield, settled, write_sets
from jcs import checkpoint, data, distance, export, graph, manifest, quantize, reference, validate
from jcs.frame import lung_frame, put_back, resample
from jcs.networks.res2net import Res2Net, activation_mapping
from jcs.networks.segmenter import Segmenter
from jcs.prepare import AIR, WINDOW, prepare

SHAPES = [(1, 96, 96), (3, 64, 80), (2, 50, 40)]


def framed(hu: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    slices = torch.from_numpy(hu)
    frame = lung_frame(slices)
    return prepare(resample(slices.clamp(*WINDOW), frame, (SIZE, SIZE), AIR)), frame


@pytest.fixture(scope="module")
def segmenter():
    return settled(Segmenter())


@pytest.fixture(scope="module")
def segmenter_core(segmenter):
    return graph.segmenter_core(segmenter, SIZE)


@pytest.fixture(scope="module")
def served_segmenter(segmenter_core):
    return graph.segmenter(segmenter_core, SIZE)


@pytest.mark.parametrize("shape", SHAPES)
def test_classifier_answers_as_the_network(trunk, served_trunk, shape):
    hu = hounsfield(shape)
    run = validate.session(served_trunk.SerializeToString(), 1)
    probability, activation = run.run(["probability", "activation"], {"hu": hu})
    with torch.no_grad():
        prepared, frame = framed(hu)
        features = trunk.features(prepared)
        expected = torch.softmax(trunk.fc(features.mean((2, 3))), 1)[:, 1]
        cells = activation_mapping(features, trunk.fc.weight)
        mapping = put_back(cells[:, None], frame, *shape[1:], (64, 64))[:, 0]
    assert probability.shape == (shape[0],) and activation.shape == (shape[0], 64, 64)
    assert probability.dtype == activation.dtype == np.float32
    assert activation.min() >= 0
    np.testing.assert_allclose(probability, expected, atol=1e-4)
    np.testing.assert_allclose(activation, mapping, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_segmenter_answers_as_the_network_at_the_inputs_size(segmenter, served_segmenter, shape):
    hu = hounsfield(shape)
    run = validate.session(served_segmenter.SerializeToString(), 1)
    (mask,) = run.run(["mask_probability"], {"hu": hu})
    with torch.no_grad():
        prepared, frame = framed(hu)
        expected = put_back(torch.sigmoid(segmenter(prepared)[0]), frame, *shape[1:], shape[1:])[:, 0]
    assert mask.shape == shape and mask.dtype == np.float32
    assert 0 <= mask.min() and mask.max() <= 1
    np.testing.assert_allclose(mask, expected, atol=1e-3)


def test_fp16_storage_halves_the_file_and_keeps_the_answer(served_trunk):
    half = quantize.fp16_storage(served_trunk)
    assert half.ByteSize() < 0.52 * served_trunk.ByteSize()
    hu = hounsfield((1, 96, 96))
    answers = [validate.session(m.SerializeToString(), 1).run(None, {"hu": hu}) for m in (served_trunk, half)]
    # Random weights amplify rounding, differently on each processor; what the shipped file loses is measured when it is exported.
    np.testing.assert_allclose(answers[0][0], answers[1][0], atol=2e-2)


def test_int8_keeps_contract_and_answer(segmenter_core, served_segmenter):
    calibration = prepare(torch.from_numpy(hounsfield((2, SIZE, SIZE)))).numpy()
    small = graph.segmenter(quantize.int8(segmenter_core, calibration), SIZE)
    assert small.ByteSize() < 0.27 * served_segmenter.ByteSize()
    hu = hounsfield((2, SIZE, SIZE))
    masks = [validate.session(m.SerializeToString(), 1).run(None, {"hu": hu})[0] for m in (served_segmenter, small)]
    assert masks[1].shape == (2, SIZE, SIZE)
    assert np.abs(masks[0] - masks[1]).mean() < 0.1


def test_manifest_names_the_file_that_was_written(tmp_path):
    entry = {"name": "A „B“", "version": "0.1.0", "status": "untrained", "precision": "int8", "window": [-1350.0, 150.0]}
    entry |= {"size": 224, "operating_point": 0.5, "licence": "none"}
    manifest.publish(tmp_path, "segmenter", b"old", entry | {"file": "s.onnx"})
    manifest.publish(tmp_path, "classifier", b"c", entry | {"file": "c.onnx"})
    manifest.publish(tmp_path, "segmenter", b"new", entry | {"file": "s.onnx"})
    sections = manifest.read(tmp_path)
    assert list(sections) == ["classifier", "segmenter"]
    for section in sections.values():
        assert tuple(section) == manifest.KEYS
        assert section["sha256"] == hashlib.sha256((tmp_path / section["file"]).read_bytes()).hexdigest()
    assert sections["segmenter"]["name"] == "A „B“" and sections["segmenter"]["window"] == [-1350.0, 150.0]
    assert not list(tmp_path.glob("*.partial"))


def test_reference_values_of_the_manifest_are_those_of_its_files():
    for entry in manifest.read(manifest.models_folder()).values():
        stated, found = entry["reference"], reference.of((manifest.models_folder() / entry["file"]).read_bytes())
        assert stated["picture"] == found["picture"] and set(stated) == set(found)
        for key in set(stated) - {"picture"}:
            # Sums of float32 depend on the processor in their last digits.
            assert stated[key] == pytest.approx(found[key], rel=0.01, abs=1e-5)


def test_reference_goes_into_the_manifest_and_back(tmp_path):
    entry = dict.fromkeys(manifest.KEYS, "x") | {"file": "s.onnx", "reference": {"picture": "ab", "mask": [0.1, 0.25]}}
    manifest.publish(tmp_path, "segmenter", b"s", entry)
    manifest.publish(tmp_path, "classifier", b"c", entry | {"file": "c.onnx", "reference": {"picture": "ab", "probability": 1e-9}})
    sections = manifest.read(tmp_path)
    assert sections["segmenter"]["reference"] == {"picture": "ab", "mask": [0.1, 0.25]}
    assert sections["classifier"]["reference"] == {"picture": "ab", "probability": 1e-9}


def test_block_means_of_maps_of_any_size():
    assert reference.block_means(np.arange(64.0).reshape(8, 8))[:5] == [4.5, 6.5, 8.5, 10.5, 20.5]
    assert reference.block_means(np.array([[1.0, 2.0]])) == [1, 1, 2, 2] * 4


def test_weights_are_kept_beside_with_what_made_them(tmp_path, monkeypatch):
    monkeypatch.setattr(export.data, "training_folder", lambda: tmp_path)
    state = {"average": {"w": torch.ones(2)}, "network": {"w": torch.zeros(2)}, "optimiser": {}, "depth": 50, "options": "--seed 1"}
    state |= {"iteration": 7, "seconds": 90.0, "start": "jcs-classifier.onnx 0.2.0 int8 abc", "machine": "P, threads: 1"}
    path, digest = export.release_weights(state, "classifier", "0.3.0")
    assert path.name == "jcs-classifier-0.3.0-fp32.pt" and hashlib.sha256(path.read_bytes()).hexdigest() == digest
    kept = checkpoint.load(path)
    assert torch.equal(kept["average"]["w"], torch.ones(2)) and not {"network", "optimiser"} & set(kept)
    table = export.training(kept, digest)
    assert table == {
        "checkpoint": digest,
        "options": "--seed 1",
        "iterations": 7,
        "minutes": 1.5,
        "start": "jcs-classifier.onnx 0.2.0 int8",
        "machine": "P, threads: 1",
    }
    entry = {key: 1 for key in manifest.KEYS} | {"file": "c.onnx", "training": table, "distance": {"limit": 2.5}}
    manifest.publish(tmp_path / "models", "classifier", b"c", entry)
    read = manifest.read(tmp_path / "models")["classifier"]
    assert read["training"] == table and read["distance"] == {"limit": 2.5}


def test_the_distance_knows_scans_of_the_training_split_alone_as_many_of_each_set():
    slices = [chest(k, False, source, split) for source in data.SETS for split in ("train", "val") for k in range(3)]
    slices += [chest(k, False, "luna") for k in range(100, 300)]
    known = export.known_slices(slices)
    assert {s.split for s in known} == {"train"} and {s.source for s in known} == set(data.SCANS)
    assert sum(s.source == "luna" for s in known) == distance.OF_EACH_SET and sum(s.source == "pneu" for s in known) == 3


def core_stub() -> onnx.ModelProto:
    """40 features of each of 4 x 4 cells, which say something of the picture."""
    weights = numpy_helper.from_array(np.random.default_rng(0).normal(0, 0.1, (40, 3, 16, 16)).astype(np.float32), "w")
    node = helper.make_node("Conv", [graph.PREPARED, "w"], [graph.FEATURES], strides=[16, 16])
    given = helper.make_tensor_value_info(graph.PREPARED, TensorProto.FLOAT, ["N", 3, SIZE, SIZE])
    made = helper.make_tensor_value_info(graph.FEATURES, TensorProto.FLOAT, ["N", 40, 4, 4])
    return helper.make_model(
        helper.make_graph([node], "core", [given], [made], [weights]), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )


def served_stub() -> onnx.ModelProto:
    """Answers of the right kinds: a picture's mean, and means of its blocks."""
    nodes = [
        helper.make_node("ReduceMean", ["hu"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Sigmoid", ["mean"], ["probability"]),
        helper.make_node("Abs", ["mean"], ["distance"]),
        helper.make_node("AveragePool", ["hu"], ["blocks"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("ReduceMean", ["blocks"], ["activation"], axes=[1], keepdims=0),
    ]
    shapes = {"probability": ["N"], "activation": ["N", "h", "w"], "distance": ["N"]}
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    given = helper.make_tensor_value_info("hu", TensorProto.FLOAT, ["N", 1, "H", "W"])
    return helper.make_model(
        helper.make_graph(nodes, "served", [given], made), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )


def test_an_export_writes_file_manifest_and_weights(shallow_trunk, tmp_path, monkeypatch):
    """The way from a checkpoint, on sets made in code; the graphs themselves are tested above."""
    distances = []

    def classifier(middle, network, size, distance=None):
        distances.append(distance)
        return served_stub()

    monkeypatch.setattr(export.data, "training_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(export.graph, "classifier_core", lambda network, size: core_stub())
    monkeypatch.setattr(export.graph, "classifier", classifier)
    monkeypatch.setattr(export.quantize, "int8", lambda core, prepared: core)
    state = {"depth": 50, "average": Res2Net().state_dict(), "iteration": 3, "minutes": 0.5, "options": "--seed 1"}
    checkpoint.save(tmp_path / "c.pt", state)
    sets = write_sets(tmp_path / "sets", 16)
    words = ["classifier", "--version", "9.9.9", "--status", "trained", "--precision", "auto", "--size", str(SIZE), "--threads", "1"]
    words += ["--checkpoint", str(tmp_path / "c.pt"), "--models", str(tmp_path / "models"), "--data", str(sets)]
    try:
        export.export(export.parser().parse_args(words))
    finally:
        data.load.cache_clear()
    entry = manifest.read(tmp_path / "models")["classifier"]
    content = (tmp_path / "models" / entry["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == entry["sha256"] and (entry["precision"], entry["version"]) == ("int8", "9.9.9")
    assert len(distances) == 2 and all(known.features.directions.shape == (40, distance.DIRECTIONS) for known in distances)
    assert 0 < entry["distance"]["limit"] < 1350 and entry["training"]["iterations"] == 3
    weights = tmp_path / "cache" / "release" / "jcs-classifier-9.9.9-fp32.pt"
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == entry["training"]["checkpoint"]
    assert entry["reference"] == reference.of(content) and entry["reference"]["distance"] > 0
