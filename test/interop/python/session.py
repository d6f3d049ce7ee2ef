"""A session over one connection (PROTOCOL.md §3): paths to all workers through it, answers that were lost, belief.

It connects to one address only, as a client behind a load balancer does: what is not there is forwarded.
"""

import asyncio
import os
import time

import websockets

import wire

SLACK = 1 - 2 * 0.0005  # Twice the drift of a clock (§3, Belief).
TICK = 0.03


def now_ms():
    """Milliseconds of the client's clock: the largest elapsed time that any of its clocks says."""
    clocks = (time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME), time.time())
    now_ms.elapsed = max(now_ms.elapsed, *(clock - begun for clock, begun in zip(clocks, now_ms.begun)))
    return now_ms.elapsed * 1000


now_ms.elapsed = 0.0
now_ms.begun = (time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME), time.time())


class Request:
    """One request of the session, from its first sending to its answer."""

    def __init__(self, kind, resource, tail, wait=None):
        self.kind, self.resource, self.tail, self.wait = kind, resource, tail, wait
        self.id = 0
        self.shard = 0
        self.first_sent_ms = 0.0
        self.doubtful = False
        self.renews = False  # An acquire whose claim is renewed by itself.
        self.answer = asyncio.get_running_loop().create_future()

    def message(self):
        tail = self.tail if self.wait is None else [self.wait.id]
        return [self.kind, self.id, self.resource, *tail]

    def settle(self, answer):
        if not self.answer.done():
            self.answer.set_result(answer)


class Question:
    """A request without a session: over a lost connection only what may happen twice is sent again."""

    def __init__(self, message, repeats, sent):
        self.message, self.repeats, self.sent = message, repeats, sent
        self.answer = asyncio.get_running_loop().create_future()


class Claim:
    """What this session holds, as far as it knows."""

    def __init__(self, request, token, ttl_ms, shard):
        self.resource, self.token, self.ttl_ms, self.shard = request.resource, token, ttl_ms, shard
        self.until_ms = 0.0
        self.renew_at_ms = float("inf")
        self.ended = False
        self.believed = asyncio.Event()  # It was believed at some time, or has ended before.

    def left_ms(self):
        return 0 if self.ended else max(0, int(self.until_ms - now_ms()))

    def extend(self, sent_ms, promised_ms):
        self.until_ms = max(self.until_ms, sent_ms + promised_ms * SLACK)
        if self.left_ms() > 0:
            self.believed.set()

    def end(self):
        self.ended = True
        self.believed.set()


class Path:
    """The session's path to one worker: what was sent on it, and what its shards have told."""

    def __init__(self, worker):
        self.worker = worker
        self.open_id = 0
        self.number = 0  # 0: not open.
        self.opened = set()  # Shards whose OPEN_SHARD has come.
        self.unanswered = {}  # By id, which grows.
        self.queue = []
        self.last_id = 0
        self.sent = {}  # When each count was first sent.
        self.keepalives = {}  # Id to when it was sent.
        self.keepalive_at_ms = float("inf")
        self.resend = []

    def lose(self):
        self.open_id = self.number = 0
        self.opened.clear()
        self.sent.clear()
        self.keepalives.clear()
        self.resend.clear()
        for request in self.unanswered.values():
            request.doubtful = True

    def seen(self):
        """Ids whose answers were seen, or which this worker never saw: one through, then closed ranges above."""
        through, ranges, begin = self.last_id, [], None
        for id in self.unanswered:
            if begin is None:
                through = id - 1
            elif begin < id:
                ranges += [begin, id - 1]
            begin = id + 1
        if begin is not None and begin <= self.last_id:
            ranges += [begin, self.last_id]
        return through, ranges


class Session:
    """One session. Everything runs on one event loop."""

    def __init__(self, address, ttl_ms, client="conformance-python/1"):
        self.url = f"ws://{address}/v1/connect"
        self.ttl_ms, self.client = ttl_ms, client
        self.key = os.urandom(16)
        self.socket = self.ring = None
        self.limits, self.owners = {}, []
        self.paths, self.marks, self.claims = {}, {}, {}
        self.plain = {}  # Requests without a session, by id.
        self.watches = {}  # Id to Watch.
        self.last_id = self.count = 0
        self.closing = False
        self.ready = asyncio.Event()
        self.dirty = asyncio.Event()
        self.tasks = []

    async def start(self):
        self.tasks = [asyncio.create_task(each()) for each in (self._connect, self._flush, self._tick)]
        await asyncio.wait_for(self.ready.wait(), 10)

    def take_id(self):
        self.last_id += 1
        return self.last_id

    def take_count(self, path):
        self.count += 1
        path.sent[self.count] = now_ms()
        return self.count

    def path_of(self, shard):
        worker = self.owners[shard]
        if worker not in self.paths:
            self.paths[worker] = Path(worker)
        return self.paths[worker]

    def ask(self, kind, resource, tail, wait=None):
        """Queues a request of the session. Its answer is a message of §5."""
        request = Request(kind, resource, tail, wait)
        request.shard = self.ring.shard_of(resource)
        self.path_of(request.shard).queue.append(request)
        self.dirty.set()
        return request

    async def ask_plain(self, kind, tail, repeats):
        """Asks without a session. @raises ConnectionError where it may have happened and must not be sent twice."""
        id = self.take_id()
        asked = self.plain[id] = Question([kind, id, *tail], repeats, self.socket is not None)
        await self._send([[wire.GROUP, 0], asked.message])
        return await asked.answer

    async def _connect(self):
        pause = 0.05
        while not self.closing:
            try:
                async with websockets.connect(self.url, compression=None, max_size=2**26) as socket:
                    hello = {"version": 1, "client": self.client, "ring": True}
                    await socket.send(wire.encode([[wire.HELLO, hello]]))
                    async for frame in socket:
                        pause = 0.05
                        self._receive(socket, wire.decode(frame))
            except (OSError, websockets.WebSocketException, asyncio.TimeoutError):
                pass
            self._lose()
            await asyncio.sleep(pause)
            pause = min(2, pause * 2)

    def _lose(self):
        self.socket = None
        for path in self.paths.values():
            path.lose()
        for id, asked in list(self.plain.items()):
            if asked.sent and not asked.repeats:
                del self.plain[id]
                asked.answer.set_exception(ConnectionError("in doubt"))

    async def _send(self, messages):
        if self.socket is not None:
            try:
                await self.socket.send(wire.encode(messages))
            except websockets.WebSocketException:
                pass  # The reader learns of it, too.

    def _receive(self, socket, messages):
        group = 0
        for message in messages:
            kind = message[0]
            if self.socket is None and kind == wire.WELCOME:
                self._welcome(socket, message[1])
            elif kind == wire.GROUP:
                group = message[1]
            elif kind == wire.OPENED:
                for path in self.paths.values():
                    if path.open_id == message[1]:
                        path.number = message[2][0]
            elif kind == wire.OPEN_SHARD:
                self._open_shard(message)
            elif kind == wire.KEPT:
                self._kept(message)
            elif kind in (wire.EVENT, wire.RESYNC):
                if message[1] in self.watches:
                    self.watches[message[1]].push(message)
            elif kind in (wire.CLAIM_ENDED, wire.SESSION_ENDED):
                self._ended(group, message)
            elif kind < wire.CLAIM_ENDED:
                self._answer(group, message)
        self.dirty.set()

    def _welcome(self, socket, welcome):
        self.socket = socket
        self.limits, self.owners = welcome["limits"], welcome["map"]["owners"]
        if "ring" in welcome:
            self.ring = wire.Ring(welcome["ring"])
        self.ready.set()
        again = [asked.message for asked in self.plain.values() if asked.repeats or not asked.sent]
        for asked in self.plain.values():
            asked.sent = True
        again += [[wire.WATCH, id, watch.pattern, watch.cursor] for id, watch in self.watches.items()]
        if again:
            asyncio.create_task(self._send([[wire.GROUP, 0], *again]))

    def _open_shard(self, message):
        _, id, shard, _, sessions = message
        path = self.path_of(shard)
        if path.open_id != id or path.number == 0:
            return
        known = next((each for each in sessions if each[0] == path.number), None)
        doubtful = [each for each in path.unanswered.values() if each.doubtful and each.shard == shard]
        if known is None:
            self._new_there(path, shard, doubtful)
        else:
            self._known_there(path, shard, known, doubtful)
        path.opened.add(shard)
        if self._claims_of(path):
            path.keepalive_at_ms = now_ms()

    def _new_there(self, path, shard, doubtful):
        """Nothing is held, waits or is remembered there."""
        for claim in [each for each in self.claims.values() if each.shard == shard]:
            self._drop(claim)
        self.marks.pop(shard, None)
        for request in doubtful:
            del path.unanswered[request.id]
            if request.kind in (wire.RELEASE, wire.RENEW):
                request.settle([wire.NOT_HELD, request.id])
            elif request.kind in (wire.CANCEL, wire.ASK_POSITION):
                request.settle([wire.NOT_WAITING, request.id])
            else:
                request.doubtful, request.id = False, 0
                path.queue.append(request)

    def _known_there(self, path, shard, known, doubtful):
        _, _, mark, heard, age_ms, claims, outcomes = known
        self.marks[shard] = max(mark, self.marks.get(shard, 0))
        by_request = {claim[0]: claim for claim in claims}
        outcome_of = {outcome[0]: outcome for outcome in outcomes}
        held = {claim[1] for claim in claims if claim[1] > 0}
        for claim in [each for each in self.claims.values() if each.shard == shard and each.token not in held]:
            self._drop(claim)
        for request in doubtful:
            request.doubtful = False
            claim, outcome = by_request.get(request.id), outcome_of.get(request.id)
            if claim is not None and claim[1] > 0:
                left_ms = self.ttl_ms if claim[4] < 0 else age_ms + claim[4]
                self._granted(path, request, claim[1], path.sent.get(heard), left_ms)
            elif claim is not None:
                pass  # It still waits, in its place.
            elif outcome is not None and outcome[1] == wire.GRANTED:
                del path.unanswered[request.id]  # Granted, and ended since.
                request.settle([wire.NOT_HELD, request.id])
            elif outcome is not None:
                self._answered(path, request, answer_of(request.id, outcome))
            else:
                path.resend.append(request)
        wanted = {claim.token for claim in self.claims.values()} | {0}
        for _, token, resource, *_ in claims:
            if token not in wanted:
                self.ask(wire.RELEASE, resource, [token])

    def _kept(self, message):
        _, id, _, shard, lsn, marks = message
        path = self.path_of(shard)
        sent_ms = path.keepalives.get(id)
        if sent_ms is None:
            return
        told = dict(zip(marks[::2], marks[1::2])).get(path.number)
        if told is None:
            return
        if told != self.marks.get(shard, 0):
            path.lose()  # Something happened that we were not told: the path is opened anew.
            return
        for claim in self.claims.values():
            if claim.shard == shard and claim.ttl_ms == 0 and claim.token <= lsn:
                claim.extend(sent_ms, self.ttl_ms)

    def _ended(self, group, message):
        path = next((each for each in self.paths.values() if each.number == group and group), None)
        if path is None:
            return
        _, shard, mark, *rest = message
        self.marks[shard] = mark
        if message[0] == wire.SESSION_ENDED:
            path.lose()
            for claim in [each for each in self.claims.values() if each.shard == shard and each.ttl_ms == 0]:
                self._drop(claim)
        else:
            token, resource, cause, _ = rest
            claim = self.claims.get((resource, token))
            if claim is not None and cause == wire.CAUSE_REVOKED:
                claim.renew_at_ms = float("inf")  # Held until its deadline, and no longer.
            elif claim is not None:
                self._drop(claim)

    def _answer(self, group, message):
        id = message[1]
        path = next((each for each in self.paths.values() if group and each.number == group), None)
        if path is not None:
            request = path.unanswered.get(id)
            if message[0] == wire.FAULT and message[2] == "path-void":
                path.lose()
            elif request is not None:
                self._answered(path, request, message)
        elif id in self.watches:
            self.watches[id].push(message)
        elif id in self.plain:
            self.plain.pop(id).answer.set_result(message)
        else:
            self._open_refused(message)

    def _open_refused(self, fault):
        for path in self.paths.values():
            if path.open_id == fault[1] and fault[0] == wire.FAULT:
                path.open_id = 0
                for request in path.queue:
                    request.settle(fault)
                path.queue.clear()

    def _answered(self, path, request, message):
        kind = message[0]
        if kind == wire.GRANTED:
            if not wire.field(message, 4, 0):
                self._granted(path, request, message[2], request.first_sent_ms, message[3] or self.ttl_ms)
            else:
                left_ms, heard, age_ms = message[5:8]
                promised_ms = self.ttl_ms if left_ms < 0 else age_ms + left_ms
                self._granted(path, request, message[2], path.sent.get(heard), promised_ms)
            return
        del path.unanswered[request.id]
        claim = self.claims.get((request.resource, request.tail[0])) if request.kind == wire.RENEW else None
        if claim is not None:
            if kind == wire.RENEWED:
                claim.extend(request.first_sent_ms, message[2])
            elif kind == wire.REVOKED:
                claim.renew_at_ms = float("inf")
            elif kind == wire.NOT_HELD:
                self._drop(claim)
        request.settle(message)

    def _granted(self, path, request, token, sent_ms, promised_ms):
        """A claim is ours; it is believed from what the server heard of us, or else after the next that it answers."""
        del path.unanswered[request.id]
        ttl_ms = request.tail[0]
        claim = Claim(request, token, ttl_ms, request.shard)
        self.claims[request.resource, token] = claim
        if request.renews and ttl_ms > 0:
            claim.renew_at_ms = now_ms() + ttl_ms / 3
        if sent_ms is not None:
            claim.extend(sent_ms, promised_ms)
        elif ttl_ms > 0:
            self.ask(wire.RENEW, claim.resource, [token, ttl_ms])
        if ttl_ms == 0:
            soon = now_ms() if sent_ms is None else now_ms() + self.ttl_ms / 6
            path.keepalive_at_ms = min(path.keepalive_at_ms, soon)
        request.settle([wire.GRANTED, request.id, token])

    def _drop(self, claim):
        claim.end()
        self.claims.pop((claim.resource, claim.token), None)

    def _claims_of(self, path):
        return [claim for claim in self.claims.values() if self.owners[claim.shard] == path.worker]

    async def _flush(self):
        while True:
            await self.dirty.wait()
            self.dirty.clear()
            await asyncio.sleep(0)  # What is asked in this turn of the loop travels in one frame.
            for path in list(self.paths.values()):
                if self.socket is not None:
                    await self._flush_path(path)

    async def _flush_path(self, path):
        wanted = path.queue or path.unanswered or self._claims_of(path)
        if path.open_id == 0 and wanted:
            path.open_id = self.take_id()
            through, ranges = path.seen()
            await self._send([[wire.OPEN, path.open_id, path.worker, [[self.key, self.ttl_ms, through, ranges]]]])
        if path.number == 0 or any(each.doubtful for each in path.unanswered.values()):
            return  # Ids grow on a path: nothing new goes before what must go again.
        again = sorted(path.resend, key=lambda each: each.id)
        path.resend = []
        ready = [each for each in path.queue if each.shard in path.opened and (each.wait is None or each.wait.id)]
        path.queue = [each for each in path.queue if each not in ready]
        most = self.limits["requestsPerFrameMax"] - 1
        going = again + ready
        for at in range(0, len(going), most):
            part = going[at : at + most]
            through, ranges = path.seen()
            header = [wire.GROUP, path.number, self.take_count(path), through, *ranges]
            for request in part:
                if request.id == 0:
                    path.last_id = request.id = self.take_id()
                    request.first_sent_ms = now_ms()
                    path.unanswered[request.id] = request
            await self._send([header, *(each.message() for each in part)])

    async def _tick(self):
        while True:
            await asyncio.sleep(TICK)
            now = now_ms()
            for claim in list(self.claims.values()):
                if claim.believed.is_set() and claim.left_ms() == 0:
                    self._drop(claim)  # It never comes back by itself: what may be left of it is given back.
                    self.ask(wire.RELEASE, claim.resource, [claim.token])
                elif now >= claim.renew_at_ms:
                    claim.renew_at_ms = now + claim.ttl_ms / 3
                    self.ask(wire.RENEW, claim.resource, [claim.token, claim.ttl_ms])
            for path in self.paths.values():
                await self._keep_alive(path, now)
            self.dirty.set()

    async def _keep_alive(self, path, now):
        waits = any(each.kind == wire.ACQUIRE for each in path.unanswered.values())
        if path.number == 0 or not (waits or self._claims_of(path)):
            return
        every = self.ttl_ms / 6
        if waits:
            every = min(every, self.limits["waitingGraceMs"] / 4)
        path.keepalive_at_ms = min(path.keepalive_at_ms, now + every)
        if now >= path.keepalive_at_ms:
            path.keepalive_at_ms = now + every
            id = self.take_id()
            path.keepalives[id] = now
            await self._send([[wire.KEEPALIVE, id, self.take_count(path), [path.number]]])

    async def release(self, claim):
        """Belief ends before the release is sent (§3)."""
        self._drop(claim)
        return await self.ask(wire.RELEASE, claim.resource, [claim.token]).answer

    async def close(self):
        """Ends the session wherever its path is open, and then the connection."""
        self.closing = True
        for claim in list(self.claims.values()):
            self._drop(claim)
        closes = [self.ask_plain(wire.CLOSE, [each.number], False) for each in self.paths.values() if each.number]
        if self.socket is not None:
            await asyncio.wait_for(asyncio.gather(*closes, return_exceptions=True), 5)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def answer_of(id, outcome):
    """A remembered outcome as the answer that was lost: its value stands where the answer has it (§5)."""
    _, kind, value = outcome
    if kind == wire.RENEWED:
        return [kind, id, value, value]
    return [kind, id, value]
