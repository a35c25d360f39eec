"""The log has one line for each problem, and no messages of libraries."""

from pathlib import Path

from tests.operator import Operator, until

LIBRARY = """
import atexit, logging, sys, threading, warnings

def speak():
    warnings.warn("a library warns")
    if "kube9_operator" in sys.modules:  # the resource tracker has nothing but the standard library
        logging.getLogger("library").error("a library logs")

def start(self, real=threading.Thread.start):
    speak()
    real(self)

threading.Thread.start = start
atexit.register(speak)
"""
"""In every process, as soon as it starts a thread, and when it ends: fork server and resource tracker too."""


def test_no_kubeconfig_is_one_line_and_libraries_are_silent(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(LIBRARY, encoding="ascii")
    more = {"PYTHONPATH": str(tmp_path), "LOG_LEVEL": "info", "POD_NAMESPACE": "kube9-system"}
    operator = Operator(tmp_path, tmp_path / "absent", {"beat": 1.0}, **more)
    with operator:
        until(lambda: "problem.began" in operator.log_text(), "the line")
        before = len(operator.log())
        until(lambda: operator.health()[1]["watches"]["nodes"]["trouble"], "all watches")
        until(lambda: operator.health()[1]["status_configmap"]["trouble"], "the ConfigMap's too")
        assert operator.stop() == 0
    assert "library" not in operator.log_text()
    assert all(line.startswith("{") for line in operator.log_text().splitlines()), operator.log_text()
    (line,) = [line for line in operator.log() if line["level"] != "info"]
    assert (line["event"], line["reason"]) == ("problem.began", "no usable credentials")
    assert str(tmp_path / "absent") in line["error"]
    assert before > 1
