// Frames and kinds of the protocol (PROTOCOL.md §1, §2, §4 to §6), apart from sockets, so that vectors can test them.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"
)

const (
	hello, group, open, keepalive, closeSession                         = 1, 2, 3, 4, 5
	acquire, release, renew, check, cancel, askPosition                 = 10, 11, 12, 13, 14, 15
	revoke, forceRelease, list, watch, unwatch                          = 16, 17, 20, 21, 22
	welcome, opened, openShard, kept                                    = 1, 3, 4, 5
	granted, busy, timedOut, cancelled, abandoned                       = 10, 11, 12, 13, 14
	released, notHeld, renewed, revoked, checked                        = 15, 16, 17, 18, 19
	alreadyGranted, notWaiting, position, done, listed, watching, fault = 20, 21, 22, 23, 24, 25, 30
	claimEnded, sessionEnded, event, resync                             = 40, 41, 42, 43
	causeRevoked                                                        = 2
)

var modeNames = []string{"exclusive", "shared", "permit"}
var eventNames = map[int64]string{1: "granted", 2: "released", 3: "expired", 4: "forced", 5: "revoked"}

// A message is its kind and its fields.
type message = []any

// encode writes one frame; integers take msgpack's shortest integer format, never a float.
func encode(messages []any) ([]byte, error) {
	var out bytes.Buffer
	encoder := msgpack.NewEncoder(&out)
	encoder.UseCompactInts(true)
	encoder.SetSortMapKeys(true)
	err := encoder.Encode(messages)
	return out.Bytes(), err
}

// decode reads one frame. (The library's loose decoding would make strings of byte strings.)
func decode(frame []byte) ([]any, error) {
	value, err := msgpack.NewDecoder(bytes.NewReader(frame)).DecodeInterface()
	if err != nil {
		return nil, err
	}
	messages, isArray := value.([]any)
	if !isArray {
		return nil, fmt.Errorf("a frame is an array, not %T", value)
	}
	return messages, nil
}

// number reads an integer field; a float64 with an integral value is one, too (§1), and what is missing or nil is 0.
func number(value any) int64 {
	switch typed := value.(type) {
	case int8, int16, int32, int64:
		return reflect.ValueOf(typed).Int()
	case uint8, uint16, uint32, uint64:
		return int64(reflect.ValueOf(typed).Uint())
	case int:
		return int64(typed)
	case float64:
		return int64(typed)
	case bool:
		if typed {
			return 1
		}
	}
	return 0
}

// field is nil where a trailing field was left out.
func field(fields message, index int) any {
	if index < len(fields) {
		return fields[index]
	}
	return nil
}

func text(value any) string {
	typed, _ := value.(string)
	return typed
}

func array(value any) []any {
	typed, _ := value.([]any)
	return typed
}

// ring says which shard has a resource (§2).
type ring struct {
	shards []uint16
	shift  int
}

func newRing(table []byte) *ring {
	shards := make([]uint16, len(table)/2)
	for at := range shards {
		shards[at] = binary.LittleEndian.Uint16(table[2*at:])
	}
	return &ring{shards, 32 - (bits.Len(uint(len(shards))) - 1)}
}

func (r *ring) shardOf(resource string) int {
	return int(r.shards[crc32.ChecksumIEEE([]byte(resource))>>r.shift])
}
