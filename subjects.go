package csss

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/match"
)

// This file says whose data an entry is. Its payload is encrypted under the
// keys of all its subjects and goes with the first of them that is erased, so
// an entry speaks of as few as can be.

// subjectsOf are the subjects of whatever tells about an offer.
func (st *state) subjectsOf(offer string) []string {
	o := st.offers[offer]
	if o == nil {
		return nil
	}
	subjects := []string{o.offer.Firm}
	if o.offer.Person != "" {
		subjects = append(subjects, o.offer.Person)
	}
	return subjects
}

// split makes the entries of a proposal: what is the asking firm's own, each
// candidate, and what else each offering firm or person has part in. Erasing
// one of them leaves the asking firm all the others.
func (st *state) split(ev *matchProposed) []event {
	asking, stream := st.needs[ev.Need].need.Firm, "need/"+ev.Need
	part := func() *matchProposed {
		return &matchProposed{Need: ev.Need, Revision: ev.Revision, Group: ev.Group, Rules: ev.Rules, Until: ev.Until}
	}
	head := part()
	head.Asks = ev.Asks
	evs := []event{{stream: stream, body: head, expect: ledger.Exactly(st.versions[stream]), subjects: []string{asking}}}
	for _, c := range ev.Found {
		head.Order = append(head.Order, c.Session)
		one := part()
		one.Found = []*proposed{c}
		evs = append(evs, event{stream: stream, body: &matchOffered{Session: c.Session, Offer: c.Offer}, subjects: st.subjectsOf(c.Offer)},
			event{stream: stream, body: one, subjects: append(st.subjectsOf(c.Offer), asking)})
	}
	rest := map[string]*matchProposed{} // by owner
	subjects := map[string][]string{}
	of := func(offer string) *matchProposed {
		owners := st.subjectsOf(offer)
		key := fmt.Sprintf("%q", owners)
		if rest[key] == nil {
			rest[key], subjects[key] = part(), append(owners, asking)
		}
		return rest[key]
	}
	for _, a := range ev.Answers {
		p := of(a.Offer)
		p.Answers = append(p.Answers, a)
	}
	for _, m := range ev.Misses {
		p := of(m.Offer)
		p.Misses = append(p.Misses, m)
	}
	for _, offer := range ev.Passed {
		p := of(offer)
		p.Passed = append(p.Passed, offer)
	}
	keys := slices.Sorted(maps.Keys(rest))
	for chunk := range slices.Chunk(keys, 1+len(keys)/maxParts) {
		all, about := rest[chunk[0]], subjects[chunk[0]]
		for _, key := range chunk[1:] {
			all.Passed = append(all.Passed, rest[key].Passed...)
			all.Answers, all.Misses = append(all.Answers, rest[key].Answers...), append(all.Misses, rest[key].Misses...)
			about = append(about, subjects[key]...)
		}
		slices.Sort(about)
		evs = append(evs, event{stream: stream, body: all, subjects: slices.Compact(about)})
	}
	return evs
}

// maxParts bounds the entries that tell owners about one search. In a market
// where more of them had part in it, several share an entry, and erasing one
// takes the others' first answers and near misses along.
const maxParts = 1000

// orphans lists the provisional holds whose session was erased, so that no
// clock of its own ends them any more.
func (st *state) orphans() []match.Hold {
	return slices.DeleteFunc(st.book.All(), func(h match.Hold) bool {
		ss := st.sessions[disclosure.SessionID(h.ID)]
		return !h.Provisional || ss != nil && ss.state.Phase != 0
	})
}

// releaseOrphans gives back what nobody can engage any more, and returns when
// the next hold of that kind runs out.
func (x *Exchange) releaseOrphans(ctx context.Context, now time.Time) (next time.Time, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, h := range x.st.orphans() {
		if h.Until.After(now) {
			next = sooner(next, h.Until)
			continue
		}
		ev := event{stream: "offer/" + h.Offer, body: &holdReleased{Hold: h.ID, Why: "erased"}}
		if err := x.commit(ctx, By{ID: "orphan/" + h.ID}, "", now, []event{ev}); err != nil {
			return now, err
		}
	}
	return next, nil
}

// sooner is the earlier of two times; zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
