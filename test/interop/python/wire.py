"""Frames and kinds of the protocol (PROTOCOL.md §1, §2, §4 to §6), apart from sockets, so that vectors can test them."""

import struct
import zlib

import msgpack

HELLO, GROUP, OPEN, KEEPALIVE, CLOSE = 1, 2, 3, 4, 5
ACQUIRE, RELEASE, RENEW, CHECK, CANCEL, ASK_POSITION = 10, 11, 12, 13, 14, 15
REVOKE, FORCE_RELEASE, LIST, WATCH, UNWATCH = 16, 17, 20, 21, 22

WELCOME, OPENED, OPEN_SHARD, KEPT = 1, 3, 4, 5
GRANTED, BUSY, TIMED_OUT, CANCELLED, ABANDONED, RELEASED, NOT_HELD, RENEWED, REVOKED, CHECKED = range(10, 20)
ALREADY_GRANTED, NOT_WAITING, POSITION, DONE, LISTED, WATCHING, STATUS = range(20, 27)
FAULT, MOVED = 30, 31
CLAIM_ENDED, SESSION_ENDED, EVENT, RESYNC, IN_USE_ELSEWHERE, GOING_AWAY = range(40, 46)

CAUSE_REVOKED = 2
MODES = {"exclusive": 0, "shared": 1, "permit": 2}
MODE_NAMES = {number: name for name, number in MODES.items()}
EVENT_NAMES = {1: "granted", 2: "released", 3: "expired", 4: "forced", 5: "revoked"}


def encode(messages):
    """One frame."""
    return msgpack.packb(messages, use_bin_type=True)


def decode(frame):
    """The messages of one frame. A float64 with an integral value is an integer (§1)."""
    return _integers(msgpack.unpackb(frame, raw=False, strict_map_key=False))


def _integers(value):
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_integers(each) for each in value]
    if isinstance(value, dict):
        return {key: _integers(each) for key, each in value.items()}
    return value


class Ring:
    """Which shard has a resource (§2)."""

    def __init__(self, table):
        self.shards = struct.unpack(f"<{len(table) // 2}H", table)
        self.shift = 32 - (len(self.shards).bit_length() - 1)

    def shard_of(self, resource):
        return self.shards[zlib.crc32(resource.encode()) >> self.shift]


class Holder:
    """A claim as others see it (§5)."""

    def __init__(self, fields):
        (mode, self.token, self.held_ms, self.left_ms, self.principal, self.client, self.address, self.metadata) = fields[:8]
        self.mode = MODE_NAMES[mode]


def field(message, index, default=None):
    """A trailing field may be left out, or be nil (§1)."""
    return message[index] if len(message) > index and message[index] is not None else default
