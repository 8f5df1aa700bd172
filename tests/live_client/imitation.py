#!/usr/bin/env python3
"""An imitation of the server: as much of the API and of the live protocol as the tests of live.js need.

    imitation.py --listen HOST:PORT --store FILE

It keeps what it was told in a file, as the server does, and can be told to misbehave, which the server cannot:
POST /misbehave {"gap": true, "mute": true, "old": true, ...}; see `Misbehaviour`. It is slow, and believes everybody.
"""

import argparse
import asyncio
import base64
import copy
import hashlib
import json
import os
import random
import struct
import time
import uuid
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

KEPT = 200  # events that can be resumed
ORDER = ["operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage"]


class Misbehaviour:
    """Each is done once for each time it was asked for, except `mute` and `refuse_token`, which stay."""

    gap = 0  # an event is not sent
    twice = 0  # an event is sent twice
    old = 0  # a snapshot is older than what was sent before
    mute = False  # sockets stay open, and nothing is ever sent
    refuse_token = False
    busy = 0  # live requests are answered 503 with Retry-After: 1
    limit = 0  # a socket is closed after its snapshot, with retry_after_ms


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())


class Org:
    def __init__(self, kept=None):
        self.state = kept or {}
        self.listeners = set()

    @staticmethod
    def found(name, slug):
        return Org({
            "id": str(uuid.uuid4()), "epoch": uuid.uuid4().hex[:8], "seq": 1, "name": name, "slug": slug,
            "services": [], "incidents": [], "log": {"public": [], "members": []}, "last": {"public": 1, "members": 1},
        })

    def page(self, audience):
        state = self.state
        hide = audience == "public"
        seen = lambda items: [
            {key: value for key, value in item.items() if not (hide and key == "visibility")}
            for item in items if not (hide and item["visibility"] == "private")
        ]
        services = seen(state["services"])
        incidents = [one for one in seen(state["incidents"]) if one["status"] not in ("resolved", "completed", "cancelled")]
        return {
            "seq": state["seq"], "slug": state["slug"], "name": state["name"], "description": "", "time_zone": "UTC",
            "branding": {"accent": None, "logo_url": None, "support_url": None},
            "status": max((one["status"] for one in services), key=ORDER.index, default="operational"),
            "groups": [], "services": services,
            "active": [one for one in reversed(incidents) if one["status"] != "scheduled"],
            "upcoming": [one for one in incidents if one["status"] == "scheduled"],
        }

    def change(self, event, change):
        """Changes the state, and tells who may see a difference."""
        before = {audience: self.page(audience) for audience in ("public", "members")}
        everything = copy.deepcopy(self.state["incidents"])
        result = change()
        self.state["seq"] += random.choice([1, 1, 2])
        for audience, old in before.items():
            new = self.page(audience)
            patch = difference(old, new, self, audience, everything)
            if patch is None:
                continue
            frame = {
                "type": "event", "org": self.state["id"], "epoch": self.state["epoch"], "prev": self.state["last"][audience],
                "seq": self.state["seq"], "event": event, "at": now(), "data": patch,
            }
            self.state["last"][audience] = self.state["seq"]
            self.state["log"][audience] = [*self.state["log"][audience], frame][-KEPT:]
        return result

    def snapshot(self, audience):
        seq = self.state["last"][audience]
        return {"type": "snapshot", "org": self.state["id"], "epoch": self.state["epoch"], "seq": seq, "page": self.page(audience)}

    def since(self, audience, epoch, seq):
        """What was missed, or a snapshot."""
        if epoch == self.state["epoch"] and seq is not None and seq.isdigit():
            seq, log = int(seq), self.state["log"][audience]
            if seq == self.state["last"][audience]:
                return []
            at = [frame["prev"] for frame in log]
            if seq in at:
                return log[at.index(seq):]
        return [self.snapshot(audience)]


def difference(old, new, org, audience, before):
    if {**old, "seq": 0} == {**new, "seq": 0}:
        return None
    patch, order = {"status": new["status"]}, {}
    for name in ("services", "groups", "active", "upcoming"):
        was, those = {one["id"]: one for one in old[name]}, new[name]
        changed = [one for one in those if was.get(one["id"]) != one]
        if changed:
            patch.setdefault("incidents" if name in ("active", "upcoming") else name, []).extend(changed)
        if list(was) != [one["id"] for one in those]:
            order[name] = [one["id"] for one in those]
    gone = {one["id"] for one in old["active"] + old["upcoming"]} - {one["id"] for one in new["active"] + new["upcoming"]}
    over = [one for one in org.state["incidents"] if one["id"] in gone]
    if over:
        patch.setdefault("incidents", []).extend(over)
    return patch | ({"order": order} if order else {})


class Refused(Exception):
    def __init__(self, status, code, **headers):
        self.status, self.code, self.headers = status, code, headers


class Server:
    def __init__(self, store):
        self.store = Path(store)
        kept = json.loads(self.store.read_text()) if self.store.exists() else []
        self.orgs = [Org(state) for state in kept]
        self.bad = Misbehaviour()

    def save(self):
        """All or nothing, and before anybody is told."""
        fresh = self.store.with_suffix(".new")
        fresh.write_text(json.dumps([org.state for org in self.orgs]))
        os.replace(fresh, self.store)
        for org in self.orgs:
            for wake in org.listeners:
                wake.set()

    def org(self, word, code="unknown_organization"):
        for org in self.orgs:
            if word in (org.state["id"], org.state["slug"]):
                return org
        raise Refused(404, code)

    def once(self, what):
        left = getattr(self.bad, what)
        setattr(self.bad, what, max(0, left - 1))
        return left > 0

    def audience(self, token):
        if token is None:
            return "public"
        if self.bad.refuse_token or not token.startswith("token-"):
            raise Refused(401, "unauthorized")
        return "members"

    async def serve(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.split("\r\n")
            method, target, _ = first.split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            url = urlsplit(target)
            query = dict(parse_qsl(url.query))
            bearer = headers.get("authorization", "").removeprefix("Bearer ") or None
            path = [part for part in url.path.split("/") if part]
            try:
                if path[:1] == ["ws"]:
                    await self.socket(reader, writer, headers, self.live(path[1]), query)
                elif path[:3] == ["api", "v1", "orgs"] and path[4:] == ["events"]:
                    await self.stream(writer, self.live(path[3]), self.audience(bearer), query)
                else:
                    status, answer = self.rest(method, path, json.loads(body or b"null"))
                    text = json.dumps(answer)
                    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'
                    if method == "GET" and headers.get("if-none-match") == tag:
                        status, text = 304, ""
                    self.answer(writer, status, text, ETag=tag)
            except Refused as refused:
                self.answer(writer, refused.status, json.dumps({"error": {"code": refused.code, "message": ""}}), **refused.headers)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def live(self, word):
        if self.once("busy"):
            raise Refused(503, "busy", **{"Retry-After": "1"})
        return self.org(word)

    @staticmethod
    def answer(writer, status, text, **headers):
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(text.encode())}\r\n"
        writer.write(f"{head}Connection: close\r\n{fields}\r\n{text}".encode())

    def rest(self, method, path, body):
        if path == ["misbehave"]:
            for what, much in body.items():
                setattr(self.bad, what, much)
            return 200, {}
        path = path[2:]
        if path == ["auth", "register"]:
            return 201, {"access_token": f"token-{uuid.uuid4()}"}
        if path[0] == "public":
            return 200, self.org(path[1], "unknown_page").page("public")
        if path == ["orgs"]:
            org = Org.found(body["name"], body["slug"])
            self.orgs.append(org)
            self.save()
            return 201, {"id": org.state["id"], "slug": org.state["slug"]}
        org = self.org(path[1])
        status, answer = self.write(org, method, path[2:], body)
        self.save()
        return status, answer

    def write(self, org, method, path, body):
        state = org.state
        things = state[path[0]] if path else None
        if path == ["services"] and method == "POST":
            service = {
                "id": str(uuid.uuid4()), "name": body["name"], "description": "", "group_id": None, "status": "operational",
                "status_since": now(), "visibility": body.get("visibility", "public"),
            }
            org.change("service.created", lambda: things.append(service))
            return 201, service
        if path == ["incidents"] and method == "POST":
            incident = {
                "id": str(uuid.uuid4()), "kind": "incident", "title": body["title"], "description": "", "impact": "none",
                "status": "investigating", "visibility": "public", "affected": [], "started_at": now(), "resolved_at": None,
                "scheduled_start": None, "scheduled_end": None, "updates": [], "postmortem": None, "updated_at": now(),
            }
            org.change("incident.created", lambda: things.append(incident))
            return 201, incident
        thing = next(one for one in things if one["id"] == path[1])
        if method == "PATCH":
            org.change("changed", lambda: thing.update(body))
        elif method == "DELETE":
            org.change("deleted", lambda: things.remove(thing))
        elif path[2] == "updates":
            update = {"id": str(uuid.uuid4()), "status": thing["status"], "at": now()} | body
            change = lambda: thing.update(status=update["status"], updates=[*thing["updates"], update])
            org.change("incident.updated", change)
        elif path[2] == "resolve":
            org.change("incident.resolved", lambda: thing.update(status="resolved", resolved_at=now()))
        return 200, thing

    async def follow(self, org, audience, epoch, seq, send):
        """Sends what there is and what comes, with the misdeeds that were asked for."""
        wake = asyncio.Event()
        org.listeners.add(wake)
        try:
            while True:
                wake.clear()
                for frame in org.since(audience, epoch, seq):
                    epoch, seq = frame["epoch"], str(frame["seq"])
                    if frame["type"] == "snapshot" and self.once("old"):
                        frame = {**frame, "seq": 1, "page": {**frame["page"], "services": []}}
                    if frame["type"] == "event" and self.once("gap"):
                        continue
                    await send(frame)
                    if frame["type"] == "event" and self.once("twice"):
                        await send(frame)
                await wake.wait()
        finally:
            org.listeners.discard(wake)

    async def stream(self, writer, org, audience, query):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nretry: 50\n\n")

        async def send(frame):
            writer.write(f"id: {frame['epoch']}:{frame['seq']}\ndata: {json.dumps(frame)}\n\n".encode())
            await writer.drain()

        async def beat():
            while True:
                await asyncio.sleep(0.5)
                writer.write(b": \n\n")
                await writer.drain()

        await first_of(beat(), self.follow(org, audience, query.get("epoch"), query.get("seq"), send))

    async def socket(self, reader, writer, headers, org, query):
        key = headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        head = "HTTP/1.1 101 -\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        writer.write(f"{head}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())

        async def send(frame):
            if not self.bad.mute:
                writer.write(framed(1, json.dumps(frame).encode()))
                await writer.drain()

        def close(number, **reason):
            writer.write(framed(8, struct.pack(">H", number) + json.dumps(reason).encode()))

        async def follow(audience):
            if self.once("limit"):
                await send(org.snapshot(audience))
                return close(1008, code="limit", retry_after_ms=700)
            await self.follow(org, audience, query.get("epoch"), query.get("seq"), send)

        async def listen():
            while True:
                opcode, data = await read_frame(reader)
                message = json.loads(data) if opcode == 1 else {}
                if opcode == 8:
                    return writer.write(framed(8, data[:2]))
                if message.get("type") == "ping":
                    await send({"type": "pong"})
                if message.get("type") == "auth":
                    try:
                        audience = self.audience(message["token"])
                    except Refused as refused:
                        await send({"type": "error", "code": refused.code, "message": ""})
                        return close(4401, code=refused.code)
                    await send({"type": "authenticated", "org": org.state["id"]})
                    tasks.append(asyncio.ensure_future(follow(audience)))

        tasks = [] if query.get("audience") == "members" else [asyncio.ensure_future(follow("public"))]
        try:
            await (listen() if not tasks else first_of(listen(), tasks[0]))
        finally:
            for task in tasks:
                task.cancel()


async def first_of(*these):
    tasks = [asyncio.ensure_future(one) for one in these]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()


def framed(opcode, data):
    size = len(data)
    length = bytes([size]) if size < 126 else struct.pack(">BH", 126, size) if size < 65536 else struct.pack(">BQ", 127, size)
    return bytes([0x80 | opcode]) + length + data


async def read_frame(reader):
    """One frame of a client: masked, and never in parts."""
    first, size = await reader.readexactly(2)
    size &= 0x7F
    if size > 125:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
    mask = await reader.readexactly(4)
    data = await reader.readexactly(size)
    return first & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))


async def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--listen", default="127.0.0.1:0")
    arguments.add_argument("--store", required=True)
    given = arguments.parse_args()
    host, _, port = given.listen.rpartition(":")
    listener = await asyncio.start_server(Server(given.store).serve, host, int(port))
    print(f"listening on http://{host}:{listener.sockets[0].getsockname()[1]}", flush=True)
    await listener.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
