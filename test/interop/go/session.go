// A session (PROTOCOL.md §3), with a connection to each worker that it needs: what is asked, sent and kept alive.
package main

import (
	"crypto/rand"
	"math"
	"time"

	"golang.org/x/sys/unix"
)

const slack = 1 - 2*0.0005 // Twice the drift of a clock (§3, Belief).
const tick = 30 * time.Millisecond

var never = math.Inf(1)

func clocksMs() [3]float64 {
	var read [3]float64
	for at, clock := range []int32{unix.CLOCK_MONOTONIC, unix.CLOCK_BOOTTIME, unix.CLOCK_REALTIME} {
		var now unix.Timespec
		if err := unix.ClockGettime(clock, &now); err != nil {
			panic(err)
		}
		read[at] = float64(now.Sec)*1000 + float64(now.Nsec)/1e6
	}
	return read
}

// claim is what this session holds, as far as it knows.
type claim struct {
	resource     string
	token, ttlMs int64
	shard        int
	untilMs      float64
	renewAtMs    float64
	wasBelieved  bool
	isEnded      bool
	whenBelieved func()
	ends         chan struct{} // Closed when it has ended.
}

type name struct {
	resource string
	token    int64
}

// question is a request without a session.
type question struct {
	message message
	repeats bool // Asking twice does no harm.
	isSent  bool
	answer  func(message)
}

type session struct {
	loop      chan func()
	key       []byte
	ttlMs     int64
	entry     *link
	links     map[int64]*link
	ring      *ring
	owners    []any
	addresses []any
	limits    map[string]any
	paths     map[int64]*path
	marks     map[int]int64
	claims    map[name]*claim
	questions map[int64]*question
	watches   map[int64]*watchState
	lastID    int64
	count     int64
	begunMs   [3]float64
	elapsedMs float64
	isReady   bool
	whenReady func()
	isClosed  bool
}

func newSession(address string, ttlMs int64, whenReady func()) *session {
	s := &session{
		loop: make(chan func(), 1024), key: make([]byte, 16), ttlMs: ttlMs, links: map[int64]*link{},
		paths: map[int64]*path{}, marks: map[int]int64{}, claims: map[name]*claim{},
		questions: map[int64]*question{}, watches: map[int64]*watchState{}, begunMs: clocksMs(), whenReady: whenReady,
	}
	if _, err := rand.Read(s.key); err != nil {
		panic(err)
	}
	s.entry = newLink(s, address)
	go s.run()
	return s
}

// post has the loop do something.
func (s *session) post(what func()) { s.loop <- what }

func (s *session) run() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for !s.isClosed {
		select {
		case what := <-s.loop:
			what()
			for more := true; more; { // What has come by now travels in one frame.
				select {
				case what := <-s.loop:
					what()
				default:
					more = false
				}
			}
		case <-ticker.C:
			s.tick()
		}
		s.flush()
	}
	for what := range s.loop {
		what() // Connections say goodbye.
	}
}

// nowMs is the client's clock: the largest elapsed time that any of its clocks says.
func (s *session) nowMs() float64 {
	for at, clock := range clocksMs() {
		s.elapsedMs = math.Max(s.elapsedMs, clock-s.begunMs[at])
	}
	return s.elapsedMs
}

func (s *session) takeID() int64 {
	s.lastID++
	return s.lastID
}

func (s *session) takeCount(p *path) int64 {
	s.count++
	p.sent[s.count] = s.nowMs()
	return s.count
}

func (s *session) pathOf(shard int) *path {
	worker := number(s.owners[shard])
	if s.paths[worker] == nil {
		s.paths[worker] = newPath(worker)
	}
	return s.paths[worker]
}

func (s *session) pathWhere(matches func(*path) bool) *path {
	for _, each := range s.paths {
		if matches(each) {
			return each
		}
	}
	return nil
}

// linkTo is the connection that reaches a worker, if it is up: its own, or any where it has no address of its own.
func (s *session) linkTo(worker int64) *link {
	if s.entry.isUp && (s.entry.worker == worker || s.addresses[worker] == nil) {
		return s.entry
	}
	if s.links[worker] == nil && s.addresses != nil && s.addresses[worker] != nil && s.entry.worker != worker {
		s.links[worker] = newLink(s, text(s.addresses[worker]))
	}
	if l := s.links[worker]; l != nil && l.isUp {
		return l
	}
	return nil
}

// ask queues a request of the session.
func (s *session) ask(r *request) {
	r.shard = s.ring.shardOf(r.resource)
	p := s.pathOf(r.shard)
	p.queue = append(p.queue, r)
}

// askPlain asks without a session; over a lost connection only what may happen twice is sent again.
func (s *session) askPlain(kind int64, tail []any, repeats bool, answer func(message)) {
	id := s.takeID()
	asked := &question{append(message{kind, id}, tail...), repeats, s.entry.isUp, answer}
	s.questions[id] = asked
	if s.entry.isUp {
		s.entry.send([]any{message{group, 0}, asked.message})
	}
}

func (s *session) linkDown(l *link) {
	l.isUp, l.socket = false, nil
	for worker, p := range s.paths {
		if s.links[worker] == l || (l == s.entry && s.links[worker] == nil) {
			p.lose()
		}
	}
	if l != s.entry {
		return
	}
	for id, asked := range s.questions {
		if asked.isSent && !asked.repeats {
			delete(s.questions, id)
			asked.answer(message{fault, id, "in-doubt"})
		}
	}
}

func (s *session) flush() {
	for _, p := range s.paths {
		if l := s.linkTo(p.worker); l != nil {
			s.flushPath(l, p)
		}
	}
}

func (s *session) flushPath(l *link, p *path) {
	wanted := len(p.queue) > 0 || len(p.unanswered) > 0 || s.holdsOn(p)
	if p.openID == 0 && wanted {
		p.openID = s.takeID()
		through, ranges := p.seen()
		l.send([]any{message{open, p.openID, p.worker, []any{[]any{s.key, s.ttlMs, through, ranges}}}})
	}
	if p.number == 0 || p.hasDoubts() {
		return // Ids grow on a path: nothing new goes before what must go again.
	}
	most := int(number(s.limits["requestsPerFrameMax"])) - 1
	for going := p.take(); len(going) > 0; {
		part := going
		if len(part) > most {
			part = part[:most]
		}
		going = going[len(part):]
		through, ranges := p.seen()
		frame := []any{append(message{group, p.number, s.takeCount(p), through}, ranges...)}
		for _, each := range part {
			if each.id == 0 {
				each.id = s.takeID()
				p.lastID, each.firstSentMs = each.id, s.nowMs()
				p.unanswered[each.id] = each
			}
			frame = append(frame, each.message())
		}
		l.send(frame)
	}
}

func (s *session) holdsOn(p *path) bool {
	for _, each := range s.claims {
		if number(s.owners[each.shard]) == p.worker {
			return true
		}
	}
	return false
}

func (s *session) tick() {
	now := s.nowMs()
	for _, c := range s.claims {
		if c.wasBelieved && s.leftMs(c) == 0 {
			s.drop(c) // It never comes back by itself: what may be left of it is given back.
			s.ask(&request{kind: release, resource: c.resource, tail: []any{c.token}})
		} else if now >= c.renewAtMs {
			c.renewAtMs = now + float64(c.ttlMs)/3
			s.ask(&request{kind: renew, resource: c.resource, tail: []any{c.token, c.ttlMs}})
		}
	}
	for _, p := range s.paths {
		s.keepAlive(p, now)
	}
}

func (s *session) keepAlive(p *path, now float64) {
	waits := false
	for _, each := range p.unanswered {
		waits = waits || each.kind == acquire
	}
	l := s.linkTo(p.worker)
	if p.number == 0 || l == nil || (!waits && !s.holdsOn(p)) {
		return
	}
	every := float64(s.ttlMs) / 6
	if waits {
		every = math.Min(every, float64(number(s.limits["waitingGraceMs"]))/4)
	}
	p.keepaliveAtMs = math.Min(p.keepaliveAtMs, now+every)
	if now < p.keepaliveAtMs {
		return
	}
	p.keepaliveAtMs = now + every
	id := s.takeID()
	p.keepalives[id] = now
	l.send([]any{message{keepalive, id, s.takeCount(p), []any{p.number}}})
}

func (s *session) leftMs(c *claim) int64 {
	if c.isEnded {
		return 0
	}
	return int64(math.Max(0, c.untilMs-s.nowMs()))
}

func (s *session) extend(c *claim, sentMs, promisedMs float64) {
	c.untilMs = math.Max(c.untilMs, sentMs+promisedMs*slack)
	if s.leftMs(c) > 0 {
		c.believed()
	}
}

func (c *claim) believed() {
	c.wasBelieved = true
	if c.whenBelieved != nil {
		c.whenBelieved()
		c.whenBelieved = nil
	}
}

func (s *session) drop(c *claim) {
	if !c.isEnded {
		c.isEnded = true
		close(c.ends)
	}
	c.believed()
	delete(s.claims, name{c.resource, c.token})
}

// close ends the session wherever its path is open, and then the connections.
func (s *session) close(closed func()) {
	for _, c := range s.claims {
		s.drop(c)
	}
	left := 0
	end := func() {
		s.entry.cancel()
		for _, l := range s.links {
			l.cancel()
		}
		s.isClosed = true
		closed()
	}
	for _, p := range s.paths {
		if l := s.linkTo(p.worker); l != nil && p.number != 0 {
			left++
			id := s.takeID()
			s.questions[id] = &question{answer: func(message) {
				if left--; left == 0 {
					end()
				}
			}}
			l.send([]any{message{closeSession, id, p.number}})
		}
	}
	if left == 0 {
		end()
	}
}
