// What a server says to a session: its shards' word on requests that were in doubt, grants, ends (PROTOCOL.md §3, §5, §6).
package main

func (s *session) receive(l *link, messages []any) {
	on := int64(0)
	for _, each := range messages {
		m := array(each)
		kind := number(m[0])
		switch {
		case !l.isUp && kind == welcome:
			s.welcomed(l, m[1])
		case kind == group:
			on = number(m[1])
		case kind == opened:
			if p := s.pathWhere(func(p *path) bool { return p.openID == number(m[1]) }); p != nil {
				p.number = number(array(m[2])[0])
			}
		case kind == openShard:
			s.openedShard(m)
		case kind == kept:
			s.kept(m)
		case kind == event || kind == resync:
			if w := s.watches[number(m[1])]; w != nil {
				w.push(m)
			}
		case kind == claimEnded || kind == sessionEnded:
			s.ended(on, m)
		case kind < claimEnded:
			s.answered(on, m)
		}
	}
}

func (s *session) welcomed(l *link, told any) {
	said := told.(map[string]any)
	clusterMap := said["map"].(map[string]any)
	l.isUp, l.worker = true, number(said["worker"])
	s.limits = said["limits"].(map[string]any)
	s.owners, s.addresses = array(clusterMap["owners"]), array(clusterMap["workers"])
	if table, isThere := said["ring"].([]byte); isThere {
		s.ring = newRing(table)
	}
	if l != s.entry {
		return
	}
	again := []any{message{group, 0}}
	for _, asked := range s.questions {
		if asked.repeats || !asked.isSent {
			asked.isSent = true
			again = append(again, asked.message)
		}
	}
	for id, w := range s.watches {
		again = append(again, message{watch, id, w.pattern, w.cursor()})
	}
	l.send(again)
	if !s.isReady {
		s.isReady = true
		s.whenReady()
	}
}

func (s *session) openedShard(m message) {
	shard := int(number(m[2]))
	p := s.pathOf(shard)
	if p.openID != number(m[1]) || p.number == 0 {
		return
	}
	var known message
	for _, each := range array(m[4]) {
		if number(array(each)[0]) == p.number {
			known = array(each)
		}
	}
	doubtful := []*request{}
	for _, each := range p.unanswered {
		if each.isDoubtful && each.shard == shard {
			doubtful = append(doubtful, each)
		}
	}
	if known == nil {
		s.newThere(p, shard, doubtful)
	} else {
		s.knownThere(p, shard, known, doubtful)
	}
	p.opened[shard] = true
	if s.holdsOn(p) {
		p.keepaliveAtMs = s.nowMs()
	}
}

// newThere: nothing is held, waits or is remembered there.
func (s *session) newThere(p *path, shard int, doubtful []*request) {
	for _, c := range s.claims {
		if c.shard == shard {
			s.drop(c)
		}
	}
	delete(s.marks, shard)
	for _, r := range doubtful {
		delete(p.unanswered, r.id)
		switch r.kind {
		case release, renew:
			r.settle(message{notHeld, r.id})
		case cancel, askPosition:
			r.settle(message{notWaiting, r.id})
		default:
			r.isDoubtful, r.id = false, 0
			p.queue = append(p.queue, r)
		}
	}
}

func (s *session) knownThere(p *path, shard int, known message, doubtful []*request) {
	if mark := number(known[2]); mark > s.marks[shard] {
		s.marks[shard] = mark
	}
	heard, ageMs := p.sent[number(known[3])], number(known[4])
	byRequest, held := map[int64]message{}, map[int64]bool{}
	for _, each := range array(known[5]) {
		told := array(each)
		byRequest[number(told[0])], held[number(told[1])] = told, true
	}
	for _, c := range s.claims {
		if c.shard == shard && !held[c.token] {
			s.drop(c)
		}
	}
	outcomes := map[int64]message{}
	for _, each := range array(known[6]) {
		outcomes[number(array(each)[0])] = array(each)
	}
	for _, r := range doubtful {
		r.isDoubtful = false
		told, outcome := byRequest[r.id], outcomes[r.id]
		switch {
		case told != nil && number(told[1]) > 0:
			s.granted(p, r, number(told[1]), heard, s.promised(number(told[4]), ageMs))
		case told != nil: // It still waits, in its place.
		case outcome != nil && number(outcome[1]) == granted: // Granted, and ended since.
			delete(p.unanswered, r.id)
			r.settle(message{notHeld, r.id})
		case outcome != nil:
			kind, value := number(outcome[1]), outcome[2]
			s.settled(p, r, message{kind, r.id, value, value})
		default:
			p.resend = append(p.resend, r)
		}
	}
	for _, told := range byRequest {
		if token := number(told[1]); token > 0 && s.claims[name{text(told[2]), token}] == nil {
			s.ask(&request{kind: release, resource: text(told[2]), tail: []any{token}})
		}
	}
}

// promised is for how long a claim was granted at the moment that the server names: -1 left is bound to the session.
func (s *session) promised(leftMs, ageMs int64) float64 {
	if leftMs < 0 {
		return float64(s.ttlMs)
	}
	return float64(ageMs + leftMs)
}

func (s *session) kept(m message) {
	shard, lsn := int(number(m[3])), number(m[4])
	p := s.pathOf(shard)
	sentMs, isOurs := p.keepalives[number(m[1])]
	marks := array(m[5])
	for at := 0; isOurs && at+1 < len(marks); at += 2 {
		if number(marks[at]) != p.number {
			continue
		}
		if number(marks[at+1]) != s.marks[shard] {
			p.lose() // Something happened that we were not told: the path is opened anew.
			return
		}
		for _, c := range s.claims {
			if c.shard == shard && c.ttlMs == 0 && c.token <= lsn {
				s.extend(c, sentMs, float64(s.ttlMs))
			}
		}
	}
}

func (s *session) ended(on int64, m message) {
	p := s.pathWhere(func(p *path) bool { return on != 0 && p.number == on })
	if p == nil {
		return
	}
	shard := int(number(m[1]))
	s.marks[shard] = number(m[2])
	if number(m[0]) == sessionEnded {
		p.lose()
		for _, c := range s.claims {
			if c.shard == shard && c.ttlMs == 0 {
				s.drop(c)
			}
		}
		return
	}
	c := s.claims[name{text(m[4]), number(m[3])}]
	if c == nil {
		return
	}
	if number(m[5]) == causeRevoked {
		c.renewAtMs = never // Held until its deadline, and no longer.
	} else {
		s.drop(c)
	}
}

func (s *session) answered(on int64, m message) {
	id := number(m[1])
	if p := s.pathWhere(func(p *path) bool { return on != 0 && p.number == on }); p != nil {
		if number(m[0]) == fault && text(m[2]) == "path-void" {
			p.lose()
		} else if r := p.unanswered[id]; r != nil {
			s.settled(p, r, m)
		}
		return
	}
	if w := s.watches[id]; w != nil {
		w.push(m)
	} else if asked := s.questions[id]; asked != nil {
		delete(s.questions, id)
		asked.answer(m)
	} else if p := s.pathWhere(func(p *path) bool { return p.openID == id }); p != nil && number(m[0]) == fault {
		p.openID = 0
		for _, r := range p.queue {
			r.settle(m)
		}
		p.queue = nil
	}
}

func (s *session) settled(p *path, r *request, m message) {
	kind := number(m[0])
	if kind == granted && r.kind == acquire {
		s.grantedBy(p, r, m)
		return
	}
	delete(p.unanswered, r.id)
	if r.kind == renew {
		if c := s.claims[name{r.resource, number(r.tail[0])}]; c != nil {
			switch kind {
			case renewed:
				s.extend(c, r.firstSentMs, float64(number(m[2])))
			case revoked:
				c.renewAtMs = never
			case notHeld:
				s.drop(c)
			}
		}
	}
	r.settle(m)
}

func (s *session) grantedBy(p *path, r *request, m message) {
	if number(field(m, 4)) == 0 {
		ttlMs := number(field(m, 3))
		if ttlMs == 0 {
			ttlMs = s.ttlMs
		}
		s.granted(p, r, number(m[2]), r.firstSentMs, float64(ttlMs))
		return
	}
	s.granted(p, r, number(m[2]), p.sent[number(m[6])], s.promised(number(m[5]), number(m[7])))
}

// granted: a claim is ours. It is believed from what the server heard of us, or else (sentMs 0) after what it answers next.
func (s *session) granted(p *path, r *request, token int64, sentMs, promisedMs float64) {
	delete(p.unanswered, r.id)
	c := &claim{resource: r.resource, token: token, ttlMs: number(r.tail[0]), shard: r.shard, renewAtMs: never}
	c.ends = make(chan struct{})
	s.claims[name{r.resource, token}] = c
	now := s.nowMs()
	if r.renews && c.ttlMs > 0 {
		c.renewAtMs = now + float64(c.ttlMs)/3
	}
	if sentMs > 0 {
		s.extend(c, sentMs, promisedMs)
	} else if c.ttlMs > 0 {
		s.ask(&request{kind: renew, resource: c.resource, tail: []any{token, c.ttlMs}})
	} else {
		p.keepaliveAtMs = now
	}
	c.whenBelieved = func() { r.settle(message{granted, r.id, token}) }
	if c.wasBelieved {
		c.believed()
	}
}
