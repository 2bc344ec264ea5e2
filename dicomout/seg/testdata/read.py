"""Prints every frame of a segmentation: source instance, position as text, and sums over its pixels."""
import json
import sys

import numpy
import pydicom

ds = pydicom.dcmread(sys.argv[1])
frames = ds.pixel_array.reshape(int(ds.NumberOfFrames), ds.Rows, ds.Columns)
out = []
for pixels, groups in zip(frames, ds.PerFrameFunctionalGroupsSequence, strict=True):
    at = [int(i) for i in numpy.flatnonzero(pixels)]
    position = groups.PlanePositionSequence[0].ImagePositionPatient
    out.append({
        "Instance": groups.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID,
        "Position": "\\".join(v.original_string for v in position),
        "Pixels": {"Count": len(at), "Sum": sum(at), "Squares": sum(i * i for i in at)},
    })
print(json.dumps(out))
