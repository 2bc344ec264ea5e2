"""How much of the lungs is marked, against what was drawn: the share of lung that the node shows for a patient."""

import numpy as np

from jcs import data, metrics


def lung_of(item: data.Slice) -> np.ndarray:
    """The drawn lungs [H, W]; lesions are drawn over their edge here and there."""
    return item.lungs | item.lesions


def of_patient(slices: list[data.Slice], masks: list[np.ndarray]) -> dict:
    """Slices of one patient whose lungs and lesions were drawn."""
    lung, drawn, marked = (
        sum(int(part.sum()) for part in parts)
        for parts in (
            [lung_of(s) for s in slices],
            [s.lesions for s in slices],
            [mask & lung_of(s) for s, mask in zip(slices, masks)],
        )
    )
    return {"name": slices[0].patient, "slices": len(slices), "drawn": drawn / lung, "marked": marked / lung}


def severity(slices: list[data.Slice], masks: list[np.ndarray]) -> dict:
    """By patient, and the agreement over patients and over single slices in per cent of the lung (Bland and Altman 1986)."""
    known = [(s, mask) for s, mask in zip(slices, masks) if s.lung is not None and s.lung.any()]
    names = sorted({s.patient for s, _ in known})
    patients = [of_patient([s for s, _ in known if s.patient == name], [m for s, m in known if s.patient == name]) for name in names]
    single = [of_patient([s], [mask]) for s, mask in known]

    def agreement(rows: list[dict]) -> dict[str, float]:
        return metrics.bland_altman(*(np.array([100 * row[key] for row in rows]) for key in ("marked", "drawn")))

    return {"patients": patients, "agreement": {"patients": agreement(patients), "slices": agreement(single)}}
