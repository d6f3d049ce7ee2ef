// The model of one resource for porcupine. A lease may end at any moment, so the holders of a state are those that may
// still hold: they leave it where an answer says that they have ended. Which of N permits has ended when another is
// granted is open, and that makes the model non-deterministic.
package main

import (
	"fmt"
	"hash/fnv"
	"sort"
	"strings"

	"github.com/anishathalye/porcupine"
)

// A check that names so many holders may have left some out.
const namedSurely = 15

type claim struct {
	token   int64
	session string
	mode    string
	permits int
	delays  bool
}

// state is never changed once it is made; key tells two of them apart.
type state struct {
	holders []claim
	// Acquires without an answer: each may hold from its call on.
	unknown []claim
	last    int64
	// A lock-delay may be pending, of this session's claim.
	delay        bool
	delaySession string
	key          string
}

// input is one answer, or one thing that must have been so at a moment.
type input struct {
	*line
	// believed: the token held at that moment.
	believed bool
	// Another wait may have been in the way.
	mayWait bool
}

func made(s state) state {
	sort.Slice(s.holders, func(a, b int) bool { return s.holders[a].token < s.holders[b].token })
	var key strings.Builder
	for _, c := range s.holders {
		fmt.Fprintf(&key, "%d,", c.token)
	}
	key.WriteString("|")
	for _, c := range s.unknown {
		fmt.Fprintf(&key, "%s/%d,", c.session, c.token)
	}
	fmt.Fprintf(&key, "|%d|%v|%s", s.last, s.delay, s.delaySession)
	s.key = key.String()
	return s
}

// keep leaves only the holders that fit; what ends may leave a lock-delay behind.
func (s state) keep(fits func(claim) bool) state {
	next := s
	next.holders = nil
	for _, c := range s.holders {
		if fits(c) {
			next.holders = append(next.holders, c)
		} else if c.delays {
			next.delay = true
			next.delaySession = c.session
		}
	}
	return next
}

func (s state) find(token int64) *claim {
	for i := range s.holders {
		if s.holders[i].token == token {
			return &s.holders[i]
		}
	}
	return nil
}

func none(claim) bool { return false }

func step(from, in, _ interface{}) []interface{} {
	var next []state
	s := from.(state)
	i := in.(*input)
	switch {
	case i.believed:
		if s.find(i.token()) != nil {
			next = []state{s}
		}
	case i.Op == "acquire":
		next = s.acquire(i)
	case i.Op == "release" || i.Op == "renew":
		next = s.about(i)
	case i.Op == "check":
		next = s.check(i)
	default:
		next = s.admin(i)
	}
	answer := make([]interface{}, len(next))
	for n := range next {
		answer[n] = made(next[n])
	}
	return answer
}

func (s state) acquire(i *input) []state {
	mine := claim{i.token(), i.Session, i.Args.Mode, i.Args.Permits, i.Args.LockDelayMs > 0}
	switch i.Outcome {
	case "granted":
		return s.grant(mine)
	case "unknown":
		next := s
		mine.token = i.ID
		next.unknown = append(append([]claim(nil), s.unknown...), mine)
		return []state{next}
	case "refused":
		return []state{s}
	}
	return s.obstacle(i)
}

func (s state) grant(mine claim) []state {
	if mine.token <= s.last {
		return nil
	}
	places := 0
	next := s.keep(func(c claim) bool {
		stays := c.mode == mine.mode && c.mode != "exclusive" && c.permits == mine.permits
		if stays {
			places++
		}
		return stays
	})
	next.last = mine.token
	next.delay = s.delay && s.delaySession == mine.session
	if mine.mode != "permit" || places < mine.permits {
		next.holders = append(append([]claim(nil), next.holders...), mine)
		return []state{next}
	}
	var all []state
	for _, gone := range next.holders {
		one := next.keep(func(c claim) bool { return c.token != gone.token })
		one.delay = next.delay
		one.holders = append(one.holders, mine)
		all = append(all, one)
	}
	return all
}

// obstacle: busy, timed out and cancelled need somebody in the way.
func (s state) obstacle(i *input) []state {
	named := string(i.Result.Holder)
	if named == "null" {
		next := s.keep(none)
		if next.delay || len(s.unknown) > 0 || (i.mayWait && i.Result.Queue > 0) {
			return []state{next}
		}
		return nil
	}
	if named == "" && (i.mayWait || s.delay || len(s.holders)+len(s.unknown) > 0) {
		return []state{s}
	}
	for _, c := range append(append([]claim(nil), s.holders...), s.unknown...) {
		if named == `"`+c.session+`"` {
			return []state{s}
		}
	}
	return nil
}

func (s state) about(i *input) []state {
	held := s.find(i.token())
	switch i.Outcome {
	case "released", "renewed":
		if held == nil && len(s.unknown) == 0 {
			return nil
		}
		if held == nil || i.Outcome == "renewed" {
			return []state{s}
		}
		next := s.keep(func(c claim) bool { return c.token != i.token() })
		next.delay, next.delaySession = s.delay, s.delaySession
		return []state{next}
	case "not_held":
		if held != nil && held.session == i.Session {
			return []state{s.keep(func(c claim) bool { return c.token != i.token() })}
		}
	}
	return []state{s}
}

func (s state) check(i *input) []state {
	named := i.Result.Holders
	if i.Outcome != "free" && i.Outcome != "held" {
		return []state{s}
	}
	if len(named) == 0 {
		next := s.keep(none)
		if i.Outcome == "held" && !next.delay && len(s.unknown) == 0 {
			return nil
		}
		return []state{next}
	}
	for n, one := range named {
		if n > 0 && (one.Mode == "exclusive" || one.Mode != named[0].Mode) {
			return nil
		}
	}
	all := []state{}
	s.choose(named, map[int64]bool{}, func(chosen map[int64]bool) {
		all = append(all, s.keep(func(c claim) bool { return chosen[c.token] || len(named) > namedSurely }))
	})
	return all
}

// choose finds all ways to take a holder, or an acquire without an answer, for each name.
func (s state) choose(named []holder, chosen map[int64]bool, found func(map[int64]bool)) {
	if len(named) == 0 {
		found(chosen)
		return
	}
	first := true
	for _, c := range s.holders {
		if c.session != named[0].Client || c.mode != named[0].Mode || chosen[c.token] {
			continue
		}
		first = false
		with := map[int64]bool{c.token: true}
		for token := range chosen {
			with[token] = true
		}
		s.choose(named[1:], with, found)
	}
	if !first {
		return
	}
	for _, c := range s.unknown {
		if c.session == named[0].Client && c.mode == named[0].Mode {
			s.choose(named[1:], chosen, found)
			return
		}
	}
}

func (s state) admin(i *input) []state {
	some := len(s.holders)+len(s.unknown) > 0
	forced := i.Op == "force-release"
	switch i.Outcome {
	case "ok":
		if i.token() > 0 && i.count() > 0 && s.find(i.token()) == nil && len(s.unknown) == 0 {
			return nil
		}
		if i.count() > 0 && !some {
			return nil
		}
		if forced {
			return []state{s.keep(func(c claim) bool { return i.token() > 0 && c.token != i.token() })}
		}
	case "not_held":
		if forced && i.token() == 0 {
			return []state{s.keep(none)}
		}
	case "unknown":
		next := s
		if forced {
			next.delay = true
		}
		return []state{next}
	}
	return []state{s}
}

func modelOfResource() porcupine.Model {
	model := porcupine.NondeterministicModel{
		Init:  func() []interface{} { return []interface{}{made(state{})} },
		Step:  step,
		Equal: func(a, b interface{}) bool { return a.(state).key == b.(state).key },
		Hash: func(a interface{}) uint64 {
			h := fnv.New64a()
			h.Write([]byte(a.(state).key))
			return h.Sum64()
		},
	}
	return model.ToModel()
}
