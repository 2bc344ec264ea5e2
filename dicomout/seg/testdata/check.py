"""Opens a segmentation with highdicom and checks what it says about the segment and the volume."""
import sys

import highdicom
from pydicom.sr.codedict import codes

seg = highdicom.seg.segread(sys.argv[1])
assert seg.segmentation_type == highdicom.seg.SegmentationTypeValues.BINARY
assert list(seg.segment_numbers) == [1], seg.segment_numbers
d = seg.get_segment_description(1)
assert d.segment_label == "Lung lesion (JCS)", d.segment_label
assert d.algorithm_type == highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC
assert d.segmented_property_category == codes.SCT.MorphologicallyAbnormalStructure
assert d.segmented_property_type == codes.SCT.Lesion
assert d.anatomic_regions == [codes.SCT.Lung]
assert d.tracking_id == "jcsnode lesion" and d.tracking_uid
a = d.algorithm_identification
assert a.family == codes.DCM.ArtificialIntelligence
assert a.name == "JCS" and a.version == "0.1 0123456789ab", a.version
parameters = {k.strip(): v for k, v in a.parameters.items()}
assert parameters == {"threshold": "0.5", "weights": "untrained", "window": "-1350..150 HU"}, parameters
study, series, instances = zip(*seg.get_source_image_uids())
assert len(set(instances)) == 148, len(instances)
volume = seg.get_volume(combine_segments=True)
assert volume.spacing[0] == 2.0, volume.spacing
