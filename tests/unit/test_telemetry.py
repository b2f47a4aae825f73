"""Log lines are one JSON object each; metrics have one home and one name."""

import inspect
import json
import subprocess
import sys

from prometheus_client import Counter, Gauge, Histogram

from contactfold import telemetry

SCRIPT = """
import logging
from contactfold.telemetry import configure_logging, get_logger
configure_logging()
get_logger(service="ingest").info("batch", records=3)
logging.getLogger("library").warning("from a %s", "library")
logging.getLogger("library").info("too quiet to be heard")
try:
    1 / 0
except ZeroDivisionError:
    get_logger().exception("failed")
"""


def test_every_log_line_is_one_json_object_on_standard_error() -> None:
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert ended.stdout == ""
    own, foreign, failed = map(json.loads, ended.stderr.splitlines())
    assert (own["event"], own["level"], own["records"], own["service"]) == ("batch", "info", 3, "ingest")
    assert own["timestamp"].endswith("Z")
    assert (foreign["event"], foreign["level"], foreign["logger"]) == ("from a library", "warning", "library")
    assert failed["event"] == "failed"


def test_people_get_lines_for_people() -> None:
    shown = SCRIPT.replace("configure_logging()", "configure_logging(json=False)")
    ended = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    assert "batch" in ended.stderr
    assert not ended.stderr.startswith("{")


def test_every_metric_is_ours_by_name_and_has_a_comment() -> None:
    source = inspect.getsource(telemetry)
    metrics = {name: one for name, one in vars(telemetry).items() if isinstance(one, Counter | Gauge | Histogram)}
    assert len(metrics) >= 10
    for name, metric in metrics.items():
        (described,) = list(metric.describe())
        assert described.name.startswith("contactfold_"), name
        declaration = source.split(f"{name} = {type(metric).__name__}(")[1]
        assert declaration.lstrip().startswith("#"), f"{name} has no comment that says what it counts"


def test_no_two_metrics_share_a_name() -> None:
    names = [
        next(iter(m.describe())).name for m in vars(telemetry).values() if isinstance(m, Counter | Gauge | Histogram)
    ]
    assert len(names) == len(set(names))
