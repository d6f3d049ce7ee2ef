// The Go client behind the commands of the conformance run: lines of JSON in and out (../README.md).
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
)

// words are flat; numbers keep their digits.
type words map[string]any

func (w words) text(key string) string {
	typed, _ := w[key].(string)
	return typed
}

func (w words) number(key string) int64 {
	typed, isNumber := w[key].(json.Number)
	if !isNumber {
		return 0
	}
	value, err := typed.Int64()
	if err != nil {
		panic(err)
	}
	return value
}

func (w words) has(key string) bool {
	_, isThere := w[key]
	return isThere
}

// watchState is what nobody has read of a watch, and where it goes on.
type watchState struct {
	pattern string
	pieces  map[string]string // The LSN of each shard.
	unread  []words
	reader  func(words)
}

func (w *watchState) cursor() any {
	pieces := []string{}
	for shard, lsn := range w.pieces {
		pieces = append(pieces, shard+"."+lsn)
	}
	if len(pieces) == 0 {
		return nil
	}
	return strings.Join(pieces, ",")
}

func (w *watchState) advance(cursor string) {
	for _, piece := range strings.Split(cursor, ",") {
		if shard, lsn, isPiece := strings.Cut(piece, "."); isPiece {
			w.pieces[shard] = lsn
		}
	}
}

func (w *watchState) push(m message) {
	switch number(m[0]) {
	case watching:
		w.advance(text(m[2]))
		return
	case resync:
		w.advance(text(m[2]))
		w.unread = append(w.unread, words{"outcome": "resync", "cursor": w.cursor()})
	case event:
		w.advance(text(m[9]))
		w.unread = append(w.unread, words{
			"outcome": "event", "event": eventNames[number(m[2])], "resource": m[3], "token": number(m[5]),
			"mode": modeNames[number(m[6])], "cursor": w.cursor(),
		})
	default:
		w.unread = append(w.unread, told(m))
	}
	w.hand()
}

func (w *watchState) hand() {
	if w.reader != nil && len(w.unread) > 0 {
		read, next := w.reader, w.unread[0]
		w.reader, w.unread = nil, w.unread[1:]
		read(next)
	}
}

type client struct {
	session *session
	waits   map[string]*request
	watches map[string]*watchState
}

type answerer func(words)

func (c *client) carryOut(asked words, answer answerer) {
	s, about := c.session, asked.text("about")
	held := s.claims[name{about, asked.number("token")}]
	inWords := func(m message) { answer(told(m)) }
	switch verb := asked.text("verb"); verb {
	case "acquire":
		c.acquire(asked, answer)
	case "release":
		if held == nil {
			s.askPlain(release, []any{about, asked.number("token")}, false, inWords)
			return
		}
		s.drop(held) // Belief ends before the release is sent (§3).
		s.ask(&request{kind: release, resource: about, tail: []any{held.token}, answer: inWords})
	case "renew":
		tail := []any{asked.number("token")}
		if asked.has("ttl") {
			tail = append(tail, asked.number("ttl"))
		}
		if held == nil {
			s.askPlain(renew, append([]any{about}, tail...), true, inWords)
			return
		}
		s.ask(&request{kind: renew, resource: about, tail: tail, answer: inWords})
	case "believes":
		answer(words{"outcome": "believes", "left": c.left(held)})
	case "lost":
		c.untilLost(held, answer)
	case "check":
		s.ask(&request{kind: check, resource: about, answer: inWords})
	case "cancel":
		wait := c.waits[asked.text("of")]
		s.ask(&request{kind: cancel, resource: wait.resource, wait: wait, answer: func(m message) {
			answer(words{"outcome": "done"})
		}})
	case "position":
		wait := c.waits[asked.text("of")]
		s.ask(&request{kind: askPosition, resource: wait.resource, wait: wait, answer: inWords})
	case "list":
		c.list(asked, nil, words{"outcome": "listed", "holding": 0, "waiting": 0}, answer)
	case "watch":
		id := s.takeID()
		made := &watchState{pattern: about, pieces: map[string]string{}}
		made.advance(asked.text("cursor"))
		s.watches[id], c.watches[asked.text("as")] = made, made
		s.entry.send([]any{message{group, 0}, message{watch, id, about, made.cursor()}})
		answer(words{"outcome": "watching"})
	case "event":
		of := c.watches[asked.text("of")]
		of.reader = answer
		of.hand()
	case "revoke", "force-release":
		kind := int64(revoke)
		if verb == "force-release" {
			kind = forceRelease
		}
		tail := []any{asked.number("token"), asked.text("reason")}
		s.ask(&request{kind: kind, resource: about, tail: tail, answer: func(m message) {
			if number(m[0]) == notHeld {
				m = message{done, 0, 0}
			}
			answer(told(m))
		}})
	case "close":
		s.close(func() { answer(words{"outcome": "closed"}) })
	default:
		answer(words{"outcome": "failed", "why": "no such command: " + verb})
	}
}

func (c *client) acquire(asked words, answer answerer) {
	mode := map[string]int{"": 0, "exclusive": 0, "shared": 1, "permit": 2}[asked.text("mode")]
	tail := []any{
		asked.number("ttl"), asked.number("wait"), mode, asked.number("permits"), asked.number("delay"), asked.text("metadata"),
	}
	about := asked.text("about")
	if asked.text("session") == "none" {
		c.session.askPlain(acquire, append([]any{about}, tail...), false, func(m message) { answer(told(m)) })
		return
	}
	r := &request{kind: acquire, resource: about, tail: tail, renews: asked.text("renew") != "none"}
	r.answer = func(m message) {
		if number(m[0]) == notHeld {
			answer(words{"outcome": "lost"})
		} else {
			answer(told(m))
		}
	}
	if asked.has("as") {
		c.waits[asked.text("as")] = r
	}
	c.session.ask(r)
}

func (c *client) left(held *claim) int64 {
	if held == nil {
		return 0
	}
	return c.session.leftMs(held)
}

func (c *client) untilLost(held *claim, answer answerer) {
	if left := c.left(held); left == 0 {
		answer(words{"outcome": "lost", "left": left})
		return
	}
	go func() {
		<-held.ends
		c.session.post(func() { answer(words{"outcome": "lost", "left": c.left(held)}) })
	}()
}

func (c *client) list(asked words, cursor any, found words, answer answerer) {
	limit := asked.number("limit")
	if limit == 0 {
		limit = 100
	}
	c.session.askPlain(list, []any{asked.text("about"), limit, cursor}, true, func(m message) {
		if number(m[0]) != listed {
			answer(told(m))
			return
		}
		for _, each := range array(m[2]) {
			key := "waiting"
			if number(array(each)[1]) == 1 {
				key = "holding"
			}
			found[key] = found[key].(int) + 1
		}
		if next := field(m, 3); next != nil {
			c.list(asked, next, found, answer)
			return
		}
		answer(found)
	})
}

var plain = map[int64]string{
	timedOut: "timed-out", cancelled: "cancelled", abandoned: "abandoned", released: "released", notHeld: "not-held",
	renewed: "renewed", alreadyGranted: "already-granted", notWaiting: "not-waiting",
}

// told says an answer (§5) in the run's words.
func told(m message) words {
	switch kind := number(m[0]); kind {
	case granted:
		return words{"outcome": "granted", "token": number(m[2])}
	case busy:
		return holders(m[2], words{
			"outcome": "busy", "waiters": number(m[3]), "yours": number(m[4]) == 1, "delay": number(m[5]),
		})
	case checked:
		free := len(array(m[2])) == 0 && number(m[4]) == 0
		return holders(m[2], words{"outcome": "checked", "free": free, "waiters": number(m[3]), "delay": number(m[4])})
	case position:
		return holders(m[4], words{"outcome": "position", "position": number(m[2])})
	case revoked:
		return words{"outcome": "revoked", "left": number(m[2])}
	case done:
		return words{"outcome": "done", "count": number(m[2])}
	case fault:
		return words{"outcome": "fault", "code": text(m[2])}
	default:
		return words{"outcome": plain[kind]}
	}
}

func holders(listed any, said words) words {
	own := int64(0)
	all := array(listed)
	for _, each := range all {
		if token := number(array(each)[1]); token > own {
			own = token
		}
	}
	said["holders"], said["token"] = len(all), own
	if len(all) > 0 {
		first := array(all[0])
		said["mode"], said["metadata"] = modeNames[number(first[0])], text(first[7])
	}
	return said
}

func main() {
	clients := map[string]*client{}
	var writing sync.Mutex
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		asked := words{}
		decoder := json.NewDecoder(strings.NewReader(lines.Text()))
		decoder.UseNumber()
		if err := decoder.Decode(&asked); err != nil {
			panic(err)
		}
		answer := func(said words) {
			said["id"] = asked["id"]
			line, err := json.Marshal(said)
			if err != nil {
				panic(err)
			}
			writing.Lock()
			defer writing.Unlock()
			fmt.Println(string(line))
		}
		switch asked.text("verb") {
		case "decode", "encode":
			answer(vectors(asked))
		case "connect":
			made := &client{waits: map[string]*request{}, watches: map[string]*watchState{}}
			clients[asked.text("client")] = made
			made.session = newSession(asked.text("address"), asked.number("ttl"), func() {
				answer(words{"outcome": "connected"})
			})
		default:
			c := clients[asked.text("client")]
			c.session.post(func() { c.carryOut(asked, answer) })
		}
	}
}
