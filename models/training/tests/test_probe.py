import numpy as np

from jcs.probe import halves, told


def features(shift: float) -> tuple[np.ndarray, list[str], list[str]]:
    rng = np.random.default_rng(0)
    sources = [("a", "b", "c")[i % 3] for i in range(300)]
    values = rng.normal(size=(300, 12))
    values[:, 0] += [shift * "abc".index(source) for source in sources]
    return values, sources, [str(i // 6) for i in range(300)]


def test_a_set_that_shows_is_told_and_one_that_does_not_is_chance():
    clear, none = told(*features(6.0)), told(*features(0.0))
    assert clear["mean"] > 0.95 and clear["chance"] == 1 / 3
    assert abs(none["mean"] - 1 / 3) < 0.12


def test_a_patient_is_in_one_fold():
    fold = halves(["p", "q", "p", "r", "s", "q"])
    assert fold[0] == fold[2] and fold[1] == fold[5]


def test_what_only_patients_share_is_not_the_set():
    rng = np.random.default_rng(1)
    patients = [str(i // 10) for i in range(200)]
    look = {name: rng.normal(size=40) * 3 for name in set(patients)}
    values = np.array([look[name] for name in patients]) + rng.normal(size=(200, 40)) * 0.1
    sources = ["a" if int(name) % 2 else "b" for name in patients]
    assert told(values, sources, patients)["mean"] < 0.75  # a probe over slices would tell all of them
