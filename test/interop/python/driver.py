"""The Python client behind the commands of the conformance run: lines of JSON in and out (../README.md)."""

import asyncio
import json
import sys

import wire
from session import Session

PAGE = 100


class Watch:
    """Events of one watch that nobody has read, and where it goes on."""

    def __init__(self, pattern, cursor):
        self.pattern, self.cursor = pattern, cursor
        self.events = asyncio.Queue()

    def push(self, message):
        if message[0] in (wire.WATCHING, wire.RESYNC):
            self.cursor = message[2]
        elif message[0] == wire.EVENT:
            pieces = dict(piece.split(".") for piece in self.cursor.split(",") if piece)
            pieces.update([message[9].split(".")])
            self.cursor = ",".join(".".join(piece) for piece in pieces.items())
        if message[0] != wire.WATCHING:
            self.events.put_nowait((message, self.cursor))


class Client:
    def __init__(self, session):
        self.session = session
        self.waits, self.watches = {}, {}

    def claim(self, words):
        return self.session.claims.get((words["about"], words["token"]))


async def acquire(client, words):
    fields = [
        words["about"],
        words.get("ttl", 0),
        words.get("wait", 0),
        wire.MODES[words.get("mode", "exclusive")],
        words.get("permits", 0),
        words.get("delay", 0),
        words.get("metadata"),
    ]
    session = client.session
    if words.get("session") == "none":
        return answered(await session.ask_plain(wire.ACQUIRE, fields, False))
    request = session.ask(wire.ACQUIRE, fields[0], fields[1:])
    request.renews = words.get("renew") != "none"
    if "as" in words:
        client.waits[words["as"]] = request
    answer = await request.answer
    if answer[0] == wire.NOT_HELD:
        return {"outcome": "lost"}
    if answer[0] == wire.GRANTED:
        claim = session.claims.get((words["about"], answer[2]))
        if claim is None:
            return {"outcome": "lost"}
        await claim.believed.wait()
    return answered(answer)


async def release(client, words):
    claim = client.claim(words)
    if claim is not None:
        return answered(await client.session.release(claim))
    return answered(await client.session.ask_plain(wire.RELEASE, [words["about"], words["token"]], False))


async def renew(client, words):
    tail = [words["token"]] + ([words["ttl"]] if "ttl" in words else [])
    if client.claim(words) is not None:
        return answered(await client.session.ask(wire.RENEW, words["about"], tail).answer)
    return answered(await client.session.ask_plain(wire.RENEW, [words["about"], *tail], True))


async def believes(client, words):
    claim = client.claim(words)
    return {"outcome": "believes", "left": 0 if claim is None else claim.left_ms()}


async def lost(client, words):
    claim = client.claim(words)
    while claim is not None and claim.left_ms() > 0:
        await asyncio.sleep(0.01)
    return {"outcome": "lost", "left": 0 if claim is None else claim.left_ms()}


async def check(client, words):
    return answered(await client.session.ask(wire.CHECK, words["about"], []).answer)


async def cancel(client, words):
    request = client.waits[words["of"]]
    answer = await client.session.ask(wire.CANCEL, request.resource, [], request).answer
    return {"outcome": "done"} if answer[0] != wire.FAULT else answered(answer)


async def position(client, words):
    request = client.waits[words["of"]]
    return answered(await client.session.ask(wire.ASK_POSITION, request.resource, [], request).answer)


async def list_claims(client, words):
    counts, cursor = {True: 0, False: 0}, None
    while True:
        answer = await client.session.ask_plain(wire.LIST, [words["about"], words.get("limit", PAGE), cursor], True)
        if answer[0] != wire.LISTED:
            return answered(answer)
        for _, holds, _ in answer[2]:
            counts[bool(holds)] += 1
        cursor = wire.field(answer, 3)
        if cursor is None:
            return {"outcome": "listed", "holding": counts[True], "waiting": counts[False]}


async def watch(client, words):
    session = client.session
    id = session.take_id()
    session.watches[id] = client.watches[words["as"]] = Watch(words["about"], words.get("cursor"))
    await session._send([[wire.GROUP, 0], [wire.WATCH, id, words["about"], words.get("cursor")]])
    return {"outcome": "watching"}


async def event(client, words):
    message, cursor = await client.watches[words["of"]].events.get()
    if message[0] == wire.FAULT:
        return answered(message)
    if message[0] == wire.RESYNC:
        return {"outcome": "resync", "cursor": cursor}
    _, _, number, resource, _, token, mode = message[:7]
    names = {"event": wire.EVENT_NAMES[number], "mode": wire.MODE_NAMES[mode]}
    return {"outcome": "event", "resource": resource, "token": token, "cursor": cursor, **names}


async def end_claims(client, words):
    kind = wire.REVOKE if words["verb"] == "revoke" else wire.FORCE_RELEASE
    tail = [words.get("token", 0), words.get("reason", "")]
    answer = await client.session.ask(kind, words["about"], tail).answer
    return {"outcome": "done", "count": 0} if answer[0] == wire.NOT_HELD else answered(answer)


async def close(client, words):
    await client.session.close()
    return {"outcome": "closed"}


VERBS = {
    "acquire": acquire,
    "release": release,
    "renew": renew,
    "believes": believes,
    "lost": lost,
    "check": check,
    "cancel": cancel,
    "position": position,
    "list": list_claims,
    "watch": watch,
    "event": event,
    "revoke": end_claims,
    "force-release": end_claims,
    "close": close,
}


def answered(message):
    """An answer (§5) in the run's words."""
    kind = message[0]
    if kind == wire.GRANTED:
        return {"outcome": "granted", "token": message[2]}
    if kind == wire.BUSY:
        told = {"waiters": message[3], "yours": bool(message[4]), "delay": message[5]}
        return {"outcome": "busy", **told, **holders(message[2])}
    if kind == wire.CHECKED:
        free = not message[2] and message[4] == 0
        return {"outcome": "checked", "free": free, "waiters": message[3], "delay": message[4], **holders(message[2])}
    if kind == wire.POSITION:
        return {"outcome": "position", "position": message[2], **holders(message[4])}
    if kind == wire.REVOKED:
        return {"outcome": "revoked", "left": message[2]}
    if kind == wire.DONE:
        return {"outcome": "done", "count": message[2]}
    if kind == wire.FAULT:
        return {"outcome": "fault", "code": message[2]}
    return {"outcome": PLAIN[kind]}


PLAIN = {
    wire.TIMED_OUT: "timed-out",
    wire.CANCELLED: "cancelled",
    wire.ABANDONED: "abandoned",
    wire.RELEASED: "released",
    wire.NOT_HELD: "not-held",
    wire.RENEWED: "renewed",
    wire.ALREADY_GRANTED: "already-granted",
    wire.NOT_WAITING: "not-waiting",
}


def holders(listed):
    told = [wire.Holder(fields) for fields in listed]
    if not told:
        return {"holders": 0, "token": 0}
    own = max(each.token for each in told)
    return {"holders": len(told), "token": own, "mode": told[0].mode, "metadata": told[0].metadata}


def vectors(words):
    """What bytes mean, and which bytes say the same; byte strings stand as {"bin": hex} (test/protocol/vectors.json)."""
    if words["verb"] == "decode":
        return {"outcome": "decoded", "json": json.dumps(to_json(wire.decode(bytes.fromhex(words["hex"]))))}
    return {"outcome": "encoded", "hex": wire.encode(from_json(json.loads(words["json"]))).hex()}


def to_json(value):
    if isinstance(value, bytes):
        return {"bin": value.hex()}
    if isinstance(value, list):
        return [to_json(each) for each in value]
    return {key: to_json(each) for key, each in value.items()} if isinstance(value, dict) else value


def from_json(value):
    if isinstance(value, dict):
        if list(value) == ["bin"]:
            return bytes.fromhex(value["bin"])
        return {key: from_json(each) for key, each in value.items()}
    return [from_json(each) for each in value] if isinstance(value, list) else value


async def carry_out(clients, words):
    if words["verb"] in ("decode", "encode"):
        return vectors(words)
    if words["verb"] == "connect":
        session = Session(words["address"], words["ttl"])
        clients[words["client"]] = Client(session)
        await session.start()
        return {"outcome": "connected"}
    return await VERBS[words["verb"]](clients[words["client"]], words)


async def main():
    clients, tasks = {}, set()
    reader = asyncio.StreamReader(limit=2**24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def answer(words):
        try:
            told = await carry_out(clients, words)
        except Exception as error:  # Whatever it is, the run must be told, not wait for ever.
            told = {"outcome": "failed", "why": repr(error)}
        sys.stdout.write(json.dumps({**told, "id": words["id"]}) + "\n")
        sys.stdout.flush()

    async for line in reader:
        task = asyncio.create_task(answer(json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


asyncio.run(main())
