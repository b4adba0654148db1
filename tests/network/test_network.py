"""No command sends anything, looks up a name, or writes where it has no business, unless asked to.

Judged by the packets that leave and by the files that change, see `tests.network.sandbox`.
`python benchmarks/network.py` writes what was seen into a table.
"""

import re
from pathlib import Path

import pytest

from album.cli.app import COMMANDS
from nets.runtime.ort import onnxruntime
from tests.network.commands import ALBUM, controls, make_inputs, steps
from tests.network.watched import strays, watched, why_not

SOMEWHERE = Path("/folder")
STEPS = list(enumerate(step.title for step in steps(SOMEWHERE)))
every_step = pytest.mark.parametrize("number", [n for n, _ in STEPS], ids=[t for _, t in STEPS])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    if why_not():
        pytest.skip(why_not())
    folder = tmp_path_factory.mktemp("watched")
    make_inputs(folder)
    return folder


@pytest.fixture(scope="module")
def report(folder):
    return watched(folder, list(steps(folder)))


@pytest.fixture(scope="module")
def seen(report, folder):
    """What every command did, with the step that it was."""
    return list(zip(steps(folder), report.seen, strict=True))


@pytest.fixture(scope="module")
def control(folder):
    """What the controls did, by their names."""
    made = controls(folder)
    return dict(zip(made, watched(folder, list(made.values())).seen, strict=True))


def test_every_command_is_among_those_watched():
    words = {step.words[len(ALBUM)] for step in steps(SOMEWHERE) if step.words[:3] == ALBUM}
    assert words - {"--help"} == set(COMMANDS)


@pytest.mark.network
@every_step
def test_nothing_is_sent(seen, number):
    step, done = seen[number]
    assert done.code in step.codes, done.output
    assert (done.names, done.packets) == ({}, {})
    assert done.pages == dict.fromkeys(step.pages, 200)


@pytest.mark.network
@every_step
def test_nothing_is_written_elsewhere(report, seen, folder, number):
    if report.not_watched:
        pytest.skip(f"changes can't be seen in {', '.join(report.not_watched)}")
    assert strays(*seen[number], folder) == []


@pytest.mark.network
def test_the_nets_ran(seen):
    """Else ONNX Runtime would have had no occasion to send anything."""
    first, done = seen[0]
    assert first.words[len(ALBUM)] == "index" and "fake" not in first.words
    assert re.search(r"Read \d+ new photos and 1 new clip", done.output), done.output


@pytest.mark.network
@pytest.mark.parametrize(
    ("name", "names", "packets"),
    [
        ("a name", {"control.example"}, set()),
        ("a connection", set(), {"TCP to 203.0.113.5 port 443"}),
        ("a connection by IPv6", set(), {"TCP to 2001:db8:5::5 port 443"}),
        ("a datagram", set(), {"UDP to 203.0.113.5 port 99"}),
        ("an unused socket", set(), set()),
    ],
)
def test_what_is_sent_would_be_seen(control, name, names, packets):
    if "IPv6" in name and not Path("/proc/sys/net/ipv6").exists():
        pytest.skip("this machine has no IPv6")
    assert (set(control[name].names), set(control[name].packets)) == (names, packets)


@pytest.mark.network
@pytest.mark.parametrize(
    ("name", "path"),
    [("a file in /var/tmp", "/var/tmp/control"), ("a file at home", "{}/home/.control")],
)
def test_what_is_written_would_be_seen(control, folder, name, path):
    assert path.format(folder) in control[name].files


@pytest.mark.network
def test_onnxruntime_imported_by_itself_would_be_seen(control):
    """The fault that `nets.runtime.ort` is there for; older builds for Linux have no telemetry."""
    native = Path(onnxruntime.__file__).parent / "capi"
    if not any(b"ORT_DISABLE_TELEMETRY" in path.read_bytes() for path in native.glob("*.so*")):
        pytest.skip("this version of onnxruntime has no telemetry")
    done = control["ONNX Runtime by itself"]
    assert done.code == 0, done.output
    assert any(name.endswith(".microsoft.com") for name in done.names)
    assert any("port 443" in packet for packet in done.packets)
    assert any(path.endswith("/.onnxruntime/deviceid") for path in done.files)
