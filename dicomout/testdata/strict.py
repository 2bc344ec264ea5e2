"""Reads every file of a folder with pydicom and decodes every element of it; what pydicom finds wrong with a value is an error."""
import os
import sys
import warnings

import pydicom

pydicom.config.settings.reading_validation_mode = pydicom.config.RAISE
warnings.simplefilter("error")
wrong = 0
for name in sorted(os.listdir(sys.argv[1])):
    try:
        for element in pydicom.dcmread(os.path.join(sys.argv[1], name)).iterall():
            str(element.value)
    except Exception as e:
        wrong += 1
        print(f"{name}: {type(e).__name__} {e}")
sys.exit(wrong > 0)
