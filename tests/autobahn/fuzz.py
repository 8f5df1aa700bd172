"""Plays the fuzzing client of the Autobahn test suite against an echo server. See run, which is how to start it."""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

import suite
import txaio
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol, connectWS
from twisted.internet import reactor
from twisted.python import log

txaio.use_twisted()

GROUPS = {
    1: "framing",
    2: "pings and pongs",
    3: "reserved bits",
    4: "opcodes",
    5: "fragmentation",
    6: "UTF-8",
    7: "closing",
    9: "limits, performance",
    10: "auto-fragmentation",
    12: "compression, payloads",
    13: "compression, parameters",
}
BAD = ("FAILED", "WRONG CODE", "UNCLEAN")
COLUMNS = {"OK": "passed", "NON-STRICT": "non-strict", "INFORMATIONAL": "informational", "UNIMPLEMENTED": "unimplemented"}

# Each case of compression is a thousand messages. Those of up to 4 KiB, and of 8 KiB in fragments, take a minute; all take
# twenty.
ALWAYS = [f"{group}.*" for group in GROUPS if group < 12]
COMPRESSION = ["12.*.[1-5]", "12.*.11", "12.2.9", "13.*.[1-5]", "13.*.11"]  # 12.2.9: a picture lost its last bytes once
LONG_COMPRESSION = ["12.*", "13.*"]


def die(why):
    sys.exit(f"tests/autobahn: {why}")


class Peer(WebSocketClientProtocol):
    """One connection, on which one case runs: what the suite has as FuzzingProtocol, less its web pages."""

    def connectionMade(self):
        self.connectionWasOpen = False
        self.createWirelog, self.wirelog = True, []
        self.txFrameStats = Counter()
        super().connectionMade()

    def connectionLost(self, reason):
        super().connectionLost(reason)
        try:
            self.runCase.onConnectionLost(self.failedByMe)
        except Exception:
            log.err()
        self.factory.ended(self)

    # From the server to the case.

    def onOpen(self):
        self.connectionWasOpen = True
        self.runCase.onOpen()

    def onMessage(self, payload, isBinary):
        # The cases of compression are the ones that expect octets.
        self.runCase.onMessage(payload if hasattr(self.runCase, "TESTDATA") else suite.text(payload), isBinary)

    def onPong(self, payload):
        self.runCase.onPong(suite.text(payload))

    def onClose(self, wasClean, code, reason):
        self.runCase.onClose(wasClean, code, reason)

    # From the case to the server. The client calls most of them too, with octets.

    def sendFrame(self, opcode, payload=b"", payload_len=None, **more):
        payload = suite.octets(payload)
        if payload_len is not None:  # repeat it up to there: the client does so on Python 2 only
            payload = (payload * (payload_len // len(payload) + 1))[:payload_len]
        super().sendFrame(opcode, payload, **more)

    def sendMessage(self, payload, *args, **more):
        super().sendMessage(suite.octets(payload), *args, **more)

    def sendMessageFrameData(self, payload, sync=False):
        return super().sendMessageFrameData(suite.octets(payload), sync)

    def sendCloseFrame(self, code=None, reasonUtf8=None, isReply=False):
        super().sendCloseFrame(code, suite.octets(reasonUtf8), isReply)

    def unlessClosed(self, do, *args):
        if self.state != self.STATE_CLOSED:
            do(*args)

    def continueLater(self, delay, do, tag=None):
        reactor.callLater(delay, self.unlessClosed, do)

    def killAfter(self, delay):
        reactor.callLater(delay, self.unlessClosed, self.failConnection)

    def closeAfter(self, delay):
        reactor.callLater(delay, self.unlessClosed, self.sendClose)

    # What went over the wire, for the report.

    def enableWirelog(self, enable):
        self.createWirelog = enable

    def note(self, way, frame, payload):
        if self.createWirelog:
            start = suite.octets(payload)[:64]
            self.wirelog.append(
                {
                    "frame": way,
                    "opcode": frame.opcode,
                    "fin": bool(frame.fin),
                    "rsv": frame.rsv,
                    "length": len(payload),
                    "starts": suite.text(start) if start.isascii() else f"0x{start.hex()}",
                }
            )

    def logRxOctets(self, data):
        pass

    def logTxOctets(self, data, sync):
        pass

    def logRxFrame(self, frameHeader, payload):
        self.note("received", frameHeader, b"".join(payload))

    def logTxFrame(self, frameHeader, payload, repeatLength, chopsize, sync):
        self.txFrameStats[frameHeader.opcode] += 1
        self.note("sent", frameHeader, payload)


class Client(WebSocketClientFactory):
    """Runs one case after the other."""

    noisy = False

    def __init__(self, address, cases):
        super().__init__(f"ws://{address}", useragent="AutobahnTestSuite/25.10.1-0.10.9")
        self.setProtocolOptions(failByDrop=False)
        self.logFrames = True
        self.cases, self.results, self.broke, self.why = iter(cases.items()), {}, None, None

    def next(self):
        self.id, self.case = next(self.cases, (None, None))
        return self.id is not None

    def buildProtocol(self, address):
        peer = Peer()
        peer.factory, peer.started = self, time.monotonic()
        self.broke = None
        peer.runCase = self.case(peer)
        return peer

    def ended(self, peer):
        if self.why:
            return  # cut short
        case = peer.runCase
        if self.broke:
            case.behavior, case.result = "FAILED", self.broke
        self.results[self.id] = {
            "behavior": case.behavior,
            "behaviorClose": case.behaviorClose,
            "seconds": round(time.monotonic() - peer.started, 3),
            "remoteCloseCode": peer.remoteCloseCode,
            "result": case.result,
            "resultClose": case.resultClose,
            "wasNotCleanReason": peer.wasNotCleanReason,
            "description": " ".join(re.sub("<.*?>", " ", self.case.DESCRIPTION).split()),
            "expectation": " ".join(re.sub("<.*?>", " ", self.case.EXPECTATION).split()),
            "wirelog": peer.wirelog,
        }

    def clientConnectionLost(self, connector, reason):
        if self.why:
            pass
        elif self.next():
            connector.connect()
        else:
            reactor.stop()

    def clientConnectionFailed(self, connector, reason):
        self.stop(f"no connection for case {self.id}: {reason.getErrorMessage()}")

    def stop(self, why):
        if not self.why:
            self.why = why
            reactor.stop()

    def shutdown(self):
        """Before all ends: was it meant to?"""
        if self.id is not None:
            self.why = self.why or f"interrupted in case {self.id}"

    def observe(self, event):
        """An exception while a case runs: the client cannot read what the server sent, or the case itself is broken. Either
        way Twisted drops the connection, and nothing that is seen afterwards is worth anything."""
        if event["isError"]:
            self.broke = log.textFromEventDict(event)


def start(command, folder):
    """The echo server, and its address once it listens."""
    output = folder / "stdout"
    try:
        server = subprocess.Popen(command, stdout=output.open("wb"), start_new_session=True)
    except OSError as error:
        die(f"the echo server does not start: {error}")
    return server, output


def address(server, output, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        first, newline, _ = output.read_text(errors="replace").partition("\n")
        if newline:
            listens = re.fullmatch(r"listening (127\.0\.0\.1:\d+)\s*", first)
            return listens[1] if listens else die(f"the echo server has to begin with `listening 127.0.0.1:PORT`, not {first!r}")
        if server.poll() is not None:
            die(f"the echo server ended with {server.returncode} before it listened")
        time.sleep(0.05)
    die("the echo server does not listen")


def end(server):
    """Ends it, and with it what it started: it leads a process group of its own."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, how)
        except ProcessLookupError:
            pass
        try:
            server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            continue


def chosen(everything, asked):
    """The cases to run, in the order of the suite."""
    if asked.cases:
        patterns = asked.cases.split(",")
        unknown = [pattern for pattern in patterns if not any(fnmatchcase(id, pattern) for id in everything)]
        if unknown:
            die(f"there is no case {', '.join(unknown)}")
    else:
        patterns = ALWAYS + (LONG_COMPRESSION if asked.long else COMPRESSION if asked.compression else [])
    return {id: case for id, case in everything.items() if any(fnmatchcase(id, pattern) for pattern in patterns)}


def kind(result):
    """The worse of what happened and how it was closed."""
    both = result["behavior"], result["behaviorClose"]
    if any(one in BAD for one in both):
        return "FAILED"
    # That the client had to end the TCP connection is not good manners, but no harm either.
    if both[0] == "OK" and both[1] == "FAILED BY CLIENT":
        return "NON-STRICT"
    return both[0]


def table(results):
    columns = [*COLUMNS.values(), "failed", "seconds"]
    print("group".ljust(29), *(name.rjust(13) for name in columns))

    def row(name, some):
        counts = Counter(kind(result) for result in some)
        numbers = [counts[what] or "-" for what in [*COLUMNS, "FAILED"]]
        numbers.append(f"{sum(result['seconds'] for result in some):.1f}")
        print(name.ljust(29), *(str(number).rjust(13) for number in numbers))

    for group, name in GROUPS.items():
        some = [result for id, result in results.items() if id.split(".")[0] == str(group)]
        if some:
            row(f"{group:>2} {name}", some)
    row("   all", results.values())


def main():
    parser = argparse.ArgumentParser(prog="tests/autobahn/run", usage="%(prog)s [options] -- COMMAND…")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--compression", action="store_true")
    parser.add_argument("--cases")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("command", nargs="+")
    asked = parser.parse_args()
    cases = chosen(suite.load(), asked)
    limit = asked.limit or (3600 if asked.long else 300)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="tocsin-autobahn-") as folder:
        server, output = start(asked.command, Path(folder))
        try:
            client = Client(address(server, output), cases)
            client.next()
            log.addObserver(client.observe)
            reactor.addSystemEventTrigger("before", "shutdown", client.shutdown)
            reactor.callWhenRunning(connectWS, client)
            reactor.callLater(limit, lambda: client.stop(f"not done after {limit} seconds, in case {client.id}"))
            reactor.run()
            gone = server.poll()
        finally:
            end(server)

    results = client.results
    asked.report.write_text(json.dumps({"Tocsin": results}, indent=1))
    table(results)
    for id, result in results.items():
        if kind(result) == "NON-STRICT":
            print(f"non-strict {id}: {result['behavior']}, closing {result['behaviorClose']}")
    bad = [id for id, result in results.items() if kind(result) == "FAILED"]
    for id in bad:
        result = results[id]
        print(f"\nFAILED {id}: {result['behavior']}, closing {result['behaviorClose']}")
        for key in ("description", "expectation", "result", "resultClose", "wasNotCleanReason"):
            print(f"    {key}: {result[key]}")
        print(f"    received close code: {result['remoteCloseCode']}")
    sys.stdout.flush()
    if client.why:
        die(client.why)
    if gone is not None:
        die(f"the echo server ended by itself, with {gone}")
    if len(results) != len(cases):
        die(f"only {len(results)} of {len(cases)} cases ran")
    if bad:
        die(f"{len(bad)} of {len(cases)} cases failed: {' '.join(bad)}\nAll about them is in {asked.report}")
    if asked.compression and all(kind(result) == "UNIMPLEMENTED" for id, result in results.items() if id.startswith(("12.", "13."))):
        die("the echo server offers no compression")


main()
