"""Holds every object of a study that the networks of the tests have read against its CT, with pydicom and highdicom.

python band.py CT_FOLDER OBJECTS_FOLDER: the segmentation must mark exactly the pixels of -750 to -350 HU, each picture must cover the
rectangle of its slice, and what one reader finds must be what the other finds.
"""
import sys
from pathlib import Path

import highdicom
import numpy as np
import pydicom

ct = {d.SOPInstanceUID: d for d in map(pydicom.dcmread, Path(sys.argv[1]).iterdir())}
objects = [pydicom.dcmread(p) for p in sorted(Path(sys.argv[2]).glob("*.dcm"))]


def glass(d):
    hu = d.pixel_array * float(d.RescaleSlope) + float(d.RescaleIntercept)
    return (hu >= -750) & (hu <= -350)


def rectangle(d):
    """First corner, directions, and lengths of the sides."""
    row, column = (float(v) for v in d.PixelSpacing)
    o = np.array(d.ImageOrientationPatient, float)
    corner = np.array(d.ImagePositionPatient, float) - o[:3] * column / 2 - o[3:] * row / 2
    return np.concatenate([corner, o, [row * d.Rows, column * d.Columns]])


def code(item):
    return item.CodeValue, item.CodingSchemeDesignator


(path,) = Path(sys.argv[2]).glob("seg-*.dcm")
plain, seg = pydicom.dcmread(path), highdicom.seg.segread(path)
(segment,) = plain.SegmentSequence
assert code(segment.SegmentedPropertyTypeCodeSequence[0]) == ("52988006", "SCT")
assert code(segment.AnatomicRegionSequence[0]) == ("39607008", "SCT")
assert seg.get_segment_description(1).segment_label == "Lung lesion (JCS)"

marked = [uid for uid, d in ct.items() if glass(d).any()]
masks = seg.get_pixels_by_source_instance(marked, combine_segments=True)
for uid, mask in zip(marked, masks, strict=True):
    assert (mask == glass(ct[uid])).all(), f"highdicom: {uid} differs in {(mask != glass(ct[uid])).sum()} pixels"
frames = plain.pixel_array.reshape(-1, plain.Rows, plain.Columns)
assert len(frames) == len(marked), f"{len(frames)} frames for {len(marked)} slices"
orientation = plain.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient
measures = plain.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
for pixels, groups in zip(frames, plain.PerFrameFunctionalGroupsSequence, strict=True):
    source = ct[groups.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID]
    assert (pixels == glass(source)).all(), f"pydicom: {source.SOPInstanceUID} differs"
    assert groups.PlanePositionSequence[0].ImagePositionPatient == source.ImagePositionPatient
    assert orientation == source.ImageOrientationPatient and measures.PixelSpacing == source.PixelSpacing
assert plain.FrameOfReferenceUID == next(iter(ct.values())).FrameOfReferenceUID

pictures = 0
for d in objects:
    if d.SOPClassUID != pydicom.uid.SecondaryCaptureImageStorage:
        continue
    assert d.pixel_array.shape == (d.Rows, d.Columns, 3), d.pixel_array.shape
    if "ImagePositionPatient" in d:
        source = ct[d.SourceImageSequence[0].ReferencedSOPInstanceUID]
        assert np.abs(rectangle(d) - rectangle(source)).max() < 1e-3, f"{d.SeriesDescription} {d.InstanceNumber} lies elsewhere"
        pictures += 1
print(f"{len(frames)} frames of {plain.Rows} x {plain.Columns}, {pictures} pictures")
