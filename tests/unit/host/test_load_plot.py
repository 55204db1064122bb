"""The recorded load on an endpoint that follows it, and how any load is drawn."""

import json
import re
import xml.etree.ElementTree as ET

import pytest
from test_plots import overlapping

from train2deploy import paths, texts
from train2deploy.cloud import load_plot
from train2deploy.make.targets import TARGETS

RECORDED = paths.RESULTS / "scaling" / "load.json"


@pytest.fixture(scope="module")
def found():
    return json.loads(RECORDED.read_text(encoding="utf-8"))


def test_the_recorded_endpoint_went_from_one_instance_to_three_and_back_and_lost_nothing(found):
    steps = [int(step) for step in load_plot.steps(found["timeline"])]
    assert (steps[0], max(steps), steps[-1]) == (1, 3, 1)
    assert found["bounds"] == [1, 3] and found["clients"] == [4, 12, 4]
    assert found["errors"] == {} and found["requests"] > 1000
    causes = [each["cause"] for each in found["activities"]]
    assert ["AlarmHigh" in cause for cause in causes] == [True, False, False]
    assert all(each["status"] == "Successful" for each in found["activities"])


def test_the_committed_plots_are_drawn_from_the_committed_figures(found, tmp_path):
    for drawn in load_plot.write(found, tmp_path / "load.json"):
        committed = RECORDED.with_name(drawn.name)
        assert drawn.read_bytes() == committed.read_bytes(), committed


def test_the_script_that_made_it_asks_for_what_is_recorded(found):
    script = RECORDED.with_name("again.sh").read_text(encoding="utf-8")
    clients = ",".join(map(str, found["clients"]))
    for given in (f"CLIENTS={clients}", f"SECONDS={found['seconds']:g}",
                  f"PAUSE={found['pause_s']:g}", f"TARGET={found['target_per_minute']:g}",
                  f"LIMITS=minute:{found['emulator_minute_s']:g}", "MIN=1 MAX=3"):
        assert given in script
    called = re.findall(r"^make ([a-z-]+)", script, re.MULTILINE)
    assert called and set(called) <= TARGETS.keys()


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_who_does_not_see_the_plot_is_told_of_it_and_no_text_lies_on_another(found, language):
    svg = load_plot.drawn(found, texts.load(language)).svg()
    told = ET.fromstring(svg).find("{http://www.w3.org/2000/svg}desc").text
    assert "1 → 3 → 2 → 1" in told and str(found["requests"]) in told
    assert ("3 s" if language == "en" else "3 秒") in told
    assert overlapping(svg) == []


def test_a_minute_that_lasts_one_is_not_mentioned(found):
    for minute in (None, 60):
        plot = load_plot.drawn({**found, "emulator_minute_s": minute}, texts.load("en"))
        assert "minute" not in plot.description and "minute" not in plot.svg()
