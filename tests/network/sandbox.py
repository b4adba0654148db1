"""Run commands where every packet that leaves the machine and every file written is seen.

Meant to be run as root in namespaces of its own (see `tests.network.watched`), where it makes

- a network whose only way out is a pair of virtual interfaces with nothing behind them; whatever
  arrives at the far end is recorded,
- a resolver on loopback, the only one that is configured, which records the names it is asked for
  and answers with an address behind that interface, so that the connection is attempted, too,
- a layer over every folder of the system, into which everything goes that is written.

It reads a plan as JSON from its input and prints a report as JSON.
"""

import json
import os
import re
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

OUR_IPV4, GATEWAY_IPV4 = "192.0.2.7", "192.0.2.1"
OUR_IPV6, GATEWAY_IPV6 = "2001:db8::7", "2001:db8::1"
NAMED_IPV4 = "198.51.100.1"
"""What every name resolves to."""
GATEWAY_MAC = "02:00:00:00:00:01"
ETH_P_ALL, PACKET_OUTGOING = 3, 4
FROM_THE_KERNEL = {131, 132, 133, 143}
"""ICMPv6: the kernel announces groups and asks for routers by itself, whatever programs do."""
PROTOCOLS = {1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP", 58: "ICMPv6"}
NOT_WATCHED = {"/proc", "/sys", "/dev"}
TIMEOUT_S = 300


def run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(words)}: {done.stderr.strip()}")


def make_network() -> None:
    """Make loopback, an interface with a default route, and its far end `ext1`."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "ext0", "type", "veth", "peer", "name", "ext1")
    for name, values in {
        "ext0": {"accept_ra": 0, "router_solicitations": 0, "dad_transmits": 0, "addr_gen_mode": 1},
        "ext1": {"disable_ipv6": 1},
    }.items():
        for key, value in values.items():
            path = Path(f"/proc/sys/net/ipv6/conf/{name}/{key}")
            if path.exists():
                path.write_text(str(value))
    # Neither our address nor the gateway makes any other address a neighbour: everything is routed.
    for ours, gateway in ((f"{OUR_IPV4}/32", GATEWAY_IPV4), (f"{OUR_IPV6}/128", GATEWAY_IPV6)):
        if ":" in ours and not Path("/proc/sys/net/ipv6").exists():
            continue
        run("ip", "addr", "add", ours, "dev", "ext0")
        run("ip", "link", "set", "ext0", "up")
        run("ip", "link", "set", "ext1", "up")
        run("ip", "neigh", "add", gateway, "lladdr", GATEWAY_MAC, "dev", "ext0")
        family = "-6" if ":" in gateway else "-4"
        run("ip", family, "route", "add", "default", "via", gateway, "dev", "ext0", "onlink")


class Packets(threading.Thread):
    """Everything that arrives at the far end."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: list[str] = []
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._socket.bind(("ext1", ETH_P_ALL))

    def run(self) -> None:
        while True:
            frame, (_, _, kind, *_) = self._socket.recvfrom(65535)
            about = None if kind == PACKET_OUTGOING else described(frame)
            if about:
                self.seen.append(about)


def described(frame: bytes) -> str | None:
    """Return what a frame is and where it goes; None for what the kernel sends by itself."""
    (kind,) = struct.unpack_from("!H", frame, 12)
    data = frame[14:]
    if kind == 0x0800:
        protocol, target = data[9], socket.inet_ntop(socket.AF_INET, data[16:20])
        rest = data[4 * (data[0] & 15) :]
    elif kind == 0x86DD:
        protocol, target = data[6], socket.inet_ntop(socket.AF_INET6, data[24:40])
        rest = data[40:]
        if protocol == 0:  # options, hop by hop
            protocol, rest = rest[0], rest[8 * (rest[1] + 1) :]
        if protocol == 58 and rest[0] in FROM_THE_KERNEL:
            return None
    else:
        return "ARP" if kind == 0x0806 else f"ethertype {kind:#06x}"
    name = PROTOCOLS.get(protocol, f"protocol {protocol}")
    if protocol not in (6, 17):
        return f"{name} to {target}"
    return f"{name} to {target} port {struct.unpack_from('!H', rest, 2)[0]}"


class Resolver(threading.Thread):
    """The only resolver there is."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))

    def run(self) -> None:
        while True:
            query, sender = self._socket.recvfrom(65535)
            at, labels = 12, []
            while query[at]:
                labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace"))
                at += 1 + query[at]
            self.asked.append(".".join(labels))
            question = query[12 : at + 5]
            (kind,) = struct.unpack_from("!H", question, len(question) - 4)
            answer = b""
            if kind == 1:
                answer = struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(NAMED_IPV4)
            head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, bool(answer), 0, 0)
            self._socket.sendto(head + question + answer, sender)


class Files:
    """What is written anywhere, in layers over the folders of the system.

    Parameters
    ----------
    layers : Path
        An empty folder to mount them on.
    """

    def __init__(self, layers: Path) -> None:
        self.not_watched: list[str] = []
        self._layers: list[tuple[str, str, str]] = []
        self._before: dict[str, object] = {}
        places = {path: os.open(path, os.O_PATH) for path in mounted_places()}
        run("mount", "-t", "tmpfs", "tmpfs", str(layers))
        own = f"/proc/{os.getpid()}/fd"
        base = f"{own}/{os.open(layers, os.O_RDONLY)}"
        for number, (path, below) in enumerate(places.items()):
            lower = f"{own}/{below}"
            if not Path(path).is_dir():  # a file that is mounted by itself, as containers do it
                run("mount", "--bind", lower, path)
                continue
            upper, work = f"{base}/{number}", f"{base}/{number}.work"
            Path(upper).mkdir(mode=stat.S_IMODE(Path(path).stat().st_mode))
            Path(work).mkdir()
            options = f"lowerdir={lower},upperdir={upper},workdir={work}"
            try:
                run("mount", "-t", "overlay", "overlay", "-o", options, path)
                self._layers.append((path, upper, lower))
            except OSError:
                run("mount", "--bind", lower, path)
                self.not_watched.append(path)

    def changed(self) -> list[str]:
        """Return the paths that were made, changed or removed since the last call."""
        now = {}
        for path, upper, lower in self._layers:
            for folder, folders, files in os.walk(upper):
                inside = os.path.relpath(folder, upper)
                for name in files + [one for one in folders if Path(folder, one).is_symlink()]:
                    facts = Path(folder, name).lstat()
                    now[os.path.normpath(f"{path}/{inside}/{name}")] = (
                        facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_rdev,
                    )  # fmt: skip
                for name in folders:  # those above a file come into the layer with it
                    if not Path(lower, inside, name).is_dir():
                        now[os.path.normpath(f"{path}/{inside}/{name}")] = "folder"
        before, self._before = self._before, now
        return sorted(name for name in now if now[name] != before.get(name))


def mounted_places() -> list[str]:
    """Return the folders of the system, and what is mounted in them, from the root downwards."""
    places = {f"/{one.name}" for one in os.scandir("/") if one.is_dir(follow_symlinks=False)}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        path = re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), line.split()[4])
        places.add(path)
    found = [one for one in places if one != "/" and f"/{one.split('/')[1]}" not in NOT_WATCHED]
    if Path("/dev/shm").is_dir():
        found.append("/dev/shm")
    return sorted(found, key=lambda one: one.count("/"))


class Command:
    """A process, and the lines that it prints on either output."""

    def __init__(self, words: list[str], environment: dict[str, str], folder: str) -> None:
        self.lines: list[str] = []
        self._more = threading.Condition()
        self._is_over = False
        self._process = subprocess.Popen(
            words, env=environment, cwd=folder, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._more:
                self.lines.append(line)
                self._more.notify()
        with self._more:
            self._is_over = True
            self._more.notify()

    def line_with(self, text: str) -> str | None:
        """Wait for a line that contains a text; None if it does not come."""

        def found() -> str | None:
            return next((line for line in self.lines if text in line), None)

        with self._more:
            self._more.wait_for(lambda: self._is_over or found() is not None, TIMEOUT_S)
            return found()

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def ended(self) -> int | None:
        """Wait for the end; return the exit code, None where it had to be killed."""
        try:
            code: int | None = self._process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = None
        self._reader.join(5)
        return code


def perform(step: dict[str, Any], environment: dict[str, str], folder: str) -> dict[str, Any]:
    """Run the command of a step, beside others where it names them, and stop it where it asks."""
    helpers = []
    for words, ready in step.get("beside", ()):
        helpers.append(Command(words, environment, folder))
        helpers[-1].line_with(ready)
    command = Command(step["words"], environment | step.get("environment", {}), folder)
    pages = {}
    if "until" in step:
        line = command.line_with(step["until"])
        address = re.search(r"http://\S+?(?=/)", line or "")
        for page in step.get("pages", ()) if address else ():
            try:
                with urllib.request.urlopen(address[0] + page, timeout=60) as answer:
                    pages[page] = answer.status
            except urllib.error.HTTPError as error:
                pages[page] = error.code
        command.interrupt()
    code = command.ended()
    for helper in reversed(helpers):
        helper.interrupt()
        helper.ended()
    return {"code": code, "output": "".join(command.lines), "pages": pages}


def main() -> None:
    # A shell lets what it starts in the background ignore Ctrl-C, and so would the commands.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    plan = json.load(sys.stdin)
    make_network()
    files = Files(Path(plan["layers"]))
    for path, text in {
        "/etc/resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
        # Without the name of this machine: asking for that is a question to the network elsewhere.
        "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    }.items():
        if Path(path).exists():
            own = Path(plan["folder"], Path(path).name)
            own.write_text(text)
            run("mount", "--bind", str(own), path)
    packets, resolver = Packets(), Resolver()
    packets.start()
    resolver.start()
    files.changed()
    report = []
    for step in plan["steps"]:
        packets.seen.clear()
        resolver.asked.clear()
        done = perform(step, plan["environment"], plan["folder"])
        done |= {"packets": Counter(packets.seen), "names": Counter(resolver.asked)}
        report.append(done | {"files": files.changed()})
    json.dump({"steps": report, "not_watched": files.not_watched}, sys.stdout)


if __name__ == "__main__":
    main()
