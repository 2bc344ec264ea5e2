import math
import time

import pytest
import torch

from jcs.checkpoint import Average, Curves
from jcs.schedule import Budget, Stage, differences, poly, stage_at, steps, time_of_day


def test_poly_follows_the_paper():
    assert poly(0.0) == 1
    assert poly(0.5) == pytest.approx(0.5**0.9)
    assert poly(1.0) == 0


def test_steps_follow_the_papers_classifier():
    assert [steps(epoch / 100) for epoch in (0, 29, 30, 59, 60, 90)] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.001])


def test_options_that_differ():
    before = "--arithmetic bf16 --iterations 5 --seed 1 --without ['seg20', 'ct100']"
    assert differences(before, before.replace("5", "9").replace("bf16", "fp32")) == []
    assert differences(before, before.replace("--seed 1", "--seed 2")) == ["--seed 1", "--seed 2"]
    assert differences(before, "--iterations 5 --seed 1") == ["--without ['seg20', 'ct100']"]


def test_a_stopped_run_spends_no_budget():
    budget = Budget(1.0, None)
    before = budget.seconds
    time.sleep(0.3)
    assert budget.seconds - before < 0.1


def test_a_run_with_an_end_gets_there_whatever_it_did(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    budget = Budget(None, None, until=1600.0)
    assert budget.progress == 0
    monkeypatch.setattr(time, "time", lambda: 1450.0)
    assert budget.progress == 0.75
    monkeypatch.setattr(time, "time", lambda: 9000.0)
    assert budget.progress == 1 and Budget(None, None, until=8000.0).progress == 1


@pytest.mark.parametrize("given", [(None, None, None), (1.0, 2, None), (1.0, None, 5.0)])
def test_a_budget_is_one_thing(given):
    with pytest.raises(ValueError, match="one of minutes, iterations and until"):
        Budget(*given)


def test_times_of_day_are_those_of_today_even_if_past():
    assert time_of_day("23:59") - time_of_day("00:00") in (86340, 82740, 89940)  # the clock may change that day
    assert time_of_day("00:00") <= time.time() < time_of_day("23:59") + 60
    assert time_of_day("2030-01-01T12:00+00:00") == 1893499200
    with pytest.raises(ValueError):
        time_of_day("noon")


def test_budget_by_iterations_repeats():
    budget = Budget(None, 10)
    budget.iteration = 5
    assert budget.progress == 0.5


def test_budget_by_minutes_counts_earlier_parts():
    assert Budget(1.0, None, seconds_before=30).progress == pytest.approx(0.5, abs=0.01)
    with pytest.raises(ValueError):
        Budget(1.0, 10)


def test_stage_changes_at_its_start():
    stages = (Stage(0.0, 160, 8), Stage(0.5, 224, 4))
    assert [stage_at(stages, p).size for p in (0.0, 0.49, 0.5, 1.0)] == [160, 160, 224, 224]


def test_average_approaches_the_network():
    network = torch.nn.Linear(2, 1)
    average = Average(network, 0.5)
    with torch.no_grad():
        network.weight += 1
    before = average.network.weight.clone()
    for iteration in range(100, 120):
        average.update(network, iteration)
    assert torch.allclose(average.network.weight, network.weight, atol=1e-4) and not torch.allclose(before, network.weight)


def test_curves_go_on_after_a_resume(tmp_path):
    path = tmp_path / "run.csv"
    Curves(path, resume=False).add({"iteration": 1.0, "minutes": 1.0, "dice": 0.5})
    curves = Curves(path, resume=True)
    curves.add({"iteration": 2.0, "minutes": 2.0, "dice": 0.6})
    assert [r["dice"] for r in Curves(path, resume=True).rows] == [0.5, 0.6]
    assert path.with_suffix(".png").exists()
    curves.add({"iteration": 3.0, "minutes": 3.0, "iou": 0.4})  # it measures something else from here on
    rows = Curves(path, resume=True).rows
    assert rows[0]["dice"] == 0.5 and rows[2]["iou"] == 0.4 and math.isnan(rows[2]["dice"]) and math.isnan(rows[0]["iou"])
