"""Opens a report with highdicom and counts its measurement groups."""
import sys

import highdicom

report = highdicom.sr.srread(sys.argv[1])
assert report.VerificationFlag == "UNVERIFIED" and report.PreliminaryFlag == "PRELIMINARY"
content = report.content
plain = content.get_image_measurement_groups()
volumetric = content.get_volumetric_roi_measurement_groups()
line = f"{len(plain)} plain, {len(volumetric)} volumetric"
for group in volumetric[:1]:
    volume = group.get_measurements(highdicom.sr.CodedConcept("118565006", "SCT", "Volume"))[0]
    line += f", {volume.value} {volume.unit.value}"
    assert group.finding_type.value == "52988006"
    assert group.tracking_identifier == "jcsnode lesion"
    assert group.referenced_segment.referenced_segment_numbers == [1] or group.referenced_segment.referenced_segment_numbers == 1
for group in plain[:1]:
    assert group.finding_type.value == "JCS-DECISION"
print(line)
