// The session's path to one worker (PROTOCOL.md §3): what was sent on it, and what its shards have told.
package main

import "sort"

// request is one request of the session, from its call to its answer.
type request struct {
	kind        int64
	resource    string
	shard       int
	tail        []any
	wait        *request // The acquire that a cancel or position is about.
	id          int64
	firstSentMs float64
	isDoubtful  bool
	renews      bool // An acquire whose claim is renewed by itself.
	answer      func(message)
}

func (r *request) message() message {
	if r.wait != nil {
		return message{r.kind, r.id, r.resource, r.wait.id}
	}
	return append(message{r.kind, r.id, r.resource}, r.tail...)
}

func (r *request) settle(answer message) {
	if r.answer != nil {
		r.answer(answer)
		r.answer = nil
	}
}

type path struct {
	worker        int64
	openID        int64
	number        int64 // 0: not open.
	opened        map[int]bool
	unanswered    map[int64]*request
	queue, resend []*request
	lastID        int64
	sent          map[int64]float64 // When each count was first sent.
	keepalives    map[int64]float64
	keepaliveAtMs float64
}

func newPath(worker int64) *path {
	made := &path{worker: worker, unanswered: map[int64]*request{}, keepaliveAtMs: never}
	made.lose()
	return made
}

// lose forgets the path: what was sent on it may or may not have happened.
func (p *path) lose() {
	p.openID, p.number, p.resend = 0, 0, nil
	p.opened, p.sent, p.keepalives = map[int]bool{}, map[int64]float64{}, map[int64]float64{}
	for _, each := range p.unanswered {
		each.isDoubtful = true
	}
}

func (p *path) hasDoubts() bool {
	for _, each := range p.unanswered {
		if each.isDoubtful {
			return true
		}
	}
	return false
}

// seen tells ids whose answers were seen, or which this worker never saw: one through, then closed ranges above it.
func (p *path) seen() (int64, []any) {
	ids := make([]int64, 0, len(p.unanswered))
	for id := range p.unanswered {
		ids = append(ids, id)
	}
	sort.Slice(ids, func(one, other int) bool { return ids[one] < ids[other] })
	ranges := []any{}
	if len(ids) == 0 {
		return p.lastID, ranges
	}
	for at, id := range ids {
		to := p.lastID
		if at+1 < len(ids) {
			to = ids[at+1] - 1
		}
		if id+1 <= to {
			ranges = append(ranges, id+1, to)
		}
	}
	return ids[0] - 1, ranges
}

// take answers what can be sent now: first what goes again, by its old ids, then what is new.
func (p *path) take() []*request {
	sort.Slice(p.resend, func(one, other int) bool { return p.resend[one].id < p.resend[other].id })
	going, held := p.resend, []*request{}
	for _, each := range p.queue {
		if p.opened[each.shard] && (each.wait == nil || each.wait.id != 0) {
			going = append(going, each)
		} else {
			held = append(held, each)
		}
	}
	p.resend, p.queue = nil, held
	return going
}
