import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from jcs import studies


def write(path, z: float, stored: np.ndarray, orientation=(1, 0, 0, 0, 1, 0)) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID = (
        CTImageStorage,
        generate_uid(),
        ExplicitVRLittleEndian,
    )
    image = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID, image.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    image.ImagePositionPatient, image.ImageOrientationPatient, image.PixelSpacing = [0, 0, z], list(orientation), [0.7, 0.7]
    image.Rows, image.Columns = stored.shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.RescaleSlope, image.RescaleIntercept = 2, -1024
    image.PixelData = stored.astype(np.uint16).tobytes()
    pydicom.dcmwrite(path, image, enforce_file_format=True)


def test_a_study_is_in_order_and_in_hounsfield_units(tmp_path):
    (tmp_path / "s").mkdir()
    for name, z in (("b", 4.0), ("a", -2.0), ("c", 1.0)):
        write(tmp_path / "s" / f"{name}.dcm", z, np.full((8, 8), 500 + z))
    (tmp_path / "s_slice_labels.csv").write_text("file,infection\na.dcm,0\nb.dcm,1\nc.dcm,0\n")
    study = studies.read_study(tmp_path, "s")
    assert study.positions.tolist() == [-2, 1, 4]
    assert [s.file for s in study.slices] == ["a.dcm", "c.dcm", "b.dcm"]
    assert [int(s.hu[0, 0]) for s in study.slices] == [-28, -22, -16]
    assert [s.label for s in study.slices] == [0, 0, 1]
    assert study.slices[2].lesion is None and not study.slices[0].lesion.any()
    assert studies.read_study(tmp_path, "s", every=2).positions.tolist() == [-2, 4]


def test_a_study_without_labels_is_negative(tmp_path):
    (tmp_path / "n").mkdir()
    write(tmp_path / "n" / "a.dcm", 0, np.zeros((8, 8)))
    assert studies.read_study(tmp_path, "n").slices[0].label == 0


@pytest.mark.parametrize(("shape", "orientation"), [((8, 6), (1, 0, 0, 0, 1, 0)), ((8, 8), (-1, 0, 0, 0, -1, 0))])
def test_what_the_node_would_turn_or_pad_is_refused(tmp_path, shape, orientation):
    (tmp_path / "n").mkdir()
    write(tmp_path / "n" / "a.dcm", 0, np.zeros(shape), orientation)
    with pytest.raises(ValueError, match="not a square axial slice"):
        studies.read_study(tmp_path, "n")


def test_places_in_a_volume(tmp_path):
    for name, text in (("ctmd", "file,patient,z_mm\nx.png,P9,-12.5\n"), ("seg20", "file,patient,volume,slice\ny.png,P8,V8,7\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.csv").write_text(text)
    assert studies.read_places(tmp_path, "ctmd") == {"x.png": -12.5}
    assert studies.read_places(tmp_path, "seg20") == {"y.png": 7.0}
