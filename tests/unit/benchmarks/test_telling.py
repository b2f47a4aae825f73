"""The table, the JSON and the picture of a run."""

import argparse
import xml.etree.ElementTree as ET
from typing import Any

import orjson
import pytest
from benchmarks.__main__ import choose
from benchmarks.chart import draw
from benchmarks.measuring import Row, Run, failed
from benchmarks.programme import CONNECT, MONGOIMPORT, OURS, SCRIPT, Programme, Scene, Sizes, prepare
from benchmarks.stage import Stage
from benchmarks.table import as_object, print_table

from servers.found import Missing

OPTIONS = {"events": 1_000, "rows": 1_000, "partitions": 4, "rounds": 2, "only": None, "long": False, "seed": 7}


def make_rows() -> list[Row]:
    theirs = Row("<theirs> & others", "Kafka to MongoDB", peer=True)
    theirs.runs = [Run(100.0, 1.0, 1_000, round=1, notes=["loses labels"]), Run(200.0, 1.0, 1_000, round=2)]
    ours = Row("ours", "Kafka to MongoDB", against=theirs.name, floor=0.65, aim=0.95)
    ours.runs = [Run(90.0, 1.0, 1_000, round=1), Run(180.0, 1.0, 1_000, round=2, more={"p50": 1.5, "p99": 7.25})]
    wrong = Row("wrong", "Kafka to MongoDB")
    wrong.runs = [failed(1_000, "3 people are missing")]
    soon = Row("soon", "Starting", unit="s", aim=1.5, ceiling=True)
    soon.runs = [Run(0.75, 0.75, 1, round=1)]
    return [theirs, ours, wrong, soon]


def tell(rows: list[Row]) -> dict[str, Any]:
    told: dict[str, Any] = orjson.loads(orjson.dumps(as_object(rows, {"absent": "it is not installed"}, OPTIONS)))
    return told


def test_the_json_has_every_run_and_the_ratio() -> None:
    told = tell(make_rows())
    ours = next(row for row in told["rows"] if row["name"] == "ours")
    assert ours["median"] == 135.0
    assert ours["ratio"] == {"median": 0.9, "min": 0.9, "max": 0.9}
    assert [run["figure"] for run in ours["runs"]] == [90.0, 180.0]
    assert told["missing"] == {"absent": "it is not installed"}


def test_the_table_says_what_is_wrong_missing_and_lost(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(make_rows(), {"absent": "it is not installed"}, argparse.Namespace(**OPTIONS))
    shown = capsys.readouterr().out
    assert "0.90" in shown
    assert "0.65 / 0.95" in shown
    assert "wrong: WRONG, so it has no figure: 3 people are missing" in shown
    assert "absent: not measured. it is not installed" in shown
    assert "<theirs> & others: loses labels" in shown


def test_the_picture_is_drawn_to_scale_and_tells_itself_in_words() -> None:
    tree = ET.fromstring(draw(tell(make_rows())))
    parts = list(tree.iter())
    texts = [text for part in parts for text in part.itertext()]
    assert tree[0].tag.endswith("title")
    assert "ours: 135 events/s, 0.90 times <theirs> & others" in (tree[1].text or "")
    assert "wrong" not in texts
    bars = {part.get("class"): float(part.get("width", 0)) for part in parts if part.get("class") in ("peer", "ours")}
    assert bars.keys() == {"peer", "ours"}
    widths = [float(part.get("width", 0)) for part in parts if part.get("class") == "ours"]
    assert widths[0] == pytest.approx(bars["peer"] * 135 / 150, abs=0.2)


def test_the_picture_warns_of_figures_that_other_programs_disturbed() -> None:
    rows = make_rows()
    assert "distrust" not in draw(tell(rows))
    rows[1].runs[0].others = 0.9
    assert tell(rows)["disturbed"] == ["ours"]
    assert "busy in 1 of 4 rows: distrust these figures" in draw(tell(rows))


def test_a_picture_of_nothing_is_still_one() -> None:
    assert ET.fromstring(draw(tell([])))[0].text


@pytest.mark.parametrize("long", [False, True])
def test_every_row_has_a_name_of_its_own_and_is_compared_to_one_that_is_measured(long: bool) -> None:
    sizes = Sizes(events=1_000, seed=7, rows=1_000, requests=100, seconds=1, long=long)
    rows = [row for scene in Programme(Stage(4), sizes).scenes() for row in scene.rows]
    names = [row.name for row in rows]
    assert len(names) == len(set(names))
    assert {row.against for row in rows if row.against} <= set(names)


def test_in_the_short_form_what_is_compared_to_a_peer_runs_in_every_round() -> None:
    sizes = Sizes(events=1_000, seed=7, rows=1_000, requests=100, seconds=1, long=False)
    every_round = {row.name for scene in Programme(Stage(4), sizes).scenes() if not scene.once for row in scene.rows}
    assert {*CONNECT.values(), *OURS.values(), MONGOIMPORT, "contactfold import"} <= every_round
    assert "contactfold up, until it is ready" not in every_round


def test_what_is_asked_for_by_name_comes_with_what_it_is_compared_to() -> None:
    sizes = Sizes(events=1_000, seed=7, rows=1_000, requests=100, seconds=1, long=True)
    scenes = Programme(Stage(4), sizes).scenes()

    def names(only: str | None) -> set[str]:
        return {row.name for scene in choose(scenes, only) for row in scene.rows}

    assert names("One Worker, 30 %") == {"one worker, 30 % of the events late", OURS[1]}
    assert names("no such row") == set()
    # What takes the better part of an hour is measured only where it is named.
    assert "one worker, ten million events" not in names(None)
    assert "one worker, ten million events" in names("ten million")


def test_what_cannot_be_had_is_told_and_another_takes_its_place() -> None:
    def cannot() -> Any:
        raise Missing("mongoimport is not on PATH")

    ours = Row("ours", "files", against=MONGOIMPORT)
    missing: dict[str, str] = {}
    ready = prepare([Scene([Row(MONGOIMPORT, "files")], cannot, 1), Scene([ours], lambda: lambda _: [], 1)], missing)
    assert [scene.rows for scene, _ in ready] == [[ours]]
    assert missing == {MONGOIMPORT: "mongoimport is not on PATH"}
    assert ours.against == SCRIPT
