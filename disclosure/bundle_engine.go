package disclosure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// group is the sessions that a command may move at once, whose turns are held:
// those of a bundle in its order, or one alone. The command is given in at.
type group struct {
	all []*session
	at  int
	*room
}

// room is the memory that one command in a session alone needs: used again, as
// nothing of it outlives the turn.
type room struct {
	group  group
	one    [1]*session
	leg    [1]Leg
	events [6]Event
}

var rooms = sync.Pool{New: func() any { return new(room) }}

func alone(s *session) *group {
	r := rooms.Get().(*room)
	r.one[0] = s
	r.group = group{all: r.one[:], room: r}
	return &r.group
}

func (g *group) own() *session { return g.all[g.at] }

func (g *group) leave() {
	for _, s := range g.all {
		s.leave()
	}
	if r := g.room; r != nil {
		*r = room{}
		rooms.Put(r)
	}
}

func (g *group) legs(env Env) []Leg {
	if r := g.room; r != nil {
		r.leg[0] = Leg{State: r.one[0].state, Env: env, room: r.events[:0]}
		return r.leg[:]
	}
	out := make([]Leg, len(g.all))
	for i, s := range g.all {
		out[i] = Leg{State: s.state, Env: env}
	}
	return out
}

func nothing(events [][]Event) bool {
	return !slices.ContainsFunc(events, func(evs []Event) bool { return len(evs) > 0 })
}

// enterAll claims an existing session and, where it is a leg, all others of
// its bundle, and brings them up to date. Turns are taken in the order of the
// bundle's legs, which is the same for all who wait.
func (e *Engine) enterAll(ctx context.Context, id SessionID) (*group, error) {
	for {
		sess, err := e.enter(ctx, id)
		if err != nil {
			return nil, err
		}
		b := sess.state.Bundle
		if b == nil {
			return alone(sess), nil
		}
		sess.leave()
		g, err := e.claimAll(ctx, b.Legs)
		if err != nil {
			return nil, err
		}
		g.at = slices.Index(b.Legs, id)
		if err := e.refreshAll(ctx, g); err != nil {
			g.leave()
			return nil, err
		}
		if now := g.own().state.Bundle; now != nil && now.Digest() == b.Digest() {
			return g, nil
		}
		g.leave() // revised meanwhile
	}
}

// claimAll waits for the turns of sessions, which are sorted.
func (e *Engine) claimAll(ctx context.Context, ids []SessionID) (*group, error) {
	g := &group{}
	for _, id := range ids {
		sess, err := e.claim(ctx, id)
		if err != nil {
			g.leave()
			return nil, err
		}
		g.all = append(g.all, sess)
	}
	return g, nil
}

// refreshAll brings a group up to date. Before the reveal a leg that cannot be
// read looks to the others like one that waits: the batch is compared with the
// log whatever was read. After it, an end needs to know them all.
func (e *Engine) refreshAll(ctx context.Context, g *group) error {
	if err := e.refresh(ctx, g.own()); err != nil {
		return err
	}
	for i, sess := range g.all {
		if i == g.at {
			continue
		}
		if err := e.refresh(ctx, sess); err != nil && g.own().state.Phase == Revealed {
			return err
		}
	}
	return nil
}

// otherVerdicts asks the employers of the other legs, once all of them wait for
// nothing else. To a party an employer of another leg who cannot be asked is
// one who has not answered; the host meets the failure in [Engine.Tick].
func (e *Engine) otherVerdicts(ctx context.Context, legs []Leg, at int, c Command) error {
	switch c.Kind {
	case OptIn, Authorize, AcceptTerms, Settle:
	default:
		return nil
	}
	for i := range legs {
		if i != at && !legs[i].State.waits(c.At) {
			return nil
		}
	}
	for i := range legs {
		l := &legs[i]
		action, ok := actionOf(l.State.Phase)
		if i == at || !ok {
			continue
		}
		for _, side := range []Side{Supply, Demand} {
			v, err := e.auth.Authorize(ctx, authRequest(&l.State, side, action, nil, c.At))
			if err != nil && c.Kind == Settle {
				return err
			}
			if err != nil {
				v = Verdict{Allowed: true}
			}
			l.Env.Verdicts[side] = v
		}
	}
	return nil
}

// catchUp takes the step that two legs missed which became ready at once, each
// decided while the other's was not on the log: whoever is later there sees
// both. Where it fails, [Engine.Tick] tries again.
func (e *Engine) catchUp(ctx context.Context, g *group, c Command) {
	if len(g.all) == 1 || c.Kind == Settle || !g.own().state.waits(c.At) {
		return
	}
	before := g.versions()
	if e.refreshAll(ctx, g) != nil || slices.Equal(before, g.versions()) {
		return
	}
	_, _ = e.do(ctx, g, g.settle(c.At))
}

func (g *group) versions() (out []uint64) {
	for _, s := range g.all {
		out = append(out, s.version)
	}
	return out
}

// settle is the host's command to try the next step again. Its id is new
// whenever anything has happened since.
func (g *group) settle(at time.Time) Command {
	var id strings.Builder
	id.WriteString("settle")
	for _, v := range g.versions() {
		id.WriteString(fmt.Sprint("/", v))
	}
	return Command{ID: id.String(), Session: g.own().id, Kind: Settle, At: at}
}

// BundleReserver is a [Reserver] that holds the plans of all legs of a bundle
// at once, counting each against the others. Without it, legs whose records
// would lie in one stream cannot be held together, and there is no reveal.
type BundleReserver interface {
	Reserver
	// ReserveAll is Reserve for several sessions; it holds all plans or none.
	ReserveAll(ctx context.Context, s []State, until time.Time) ([]Record, error)
}

// reserveAll asks for the records that belong to the events of each session.
func (e *Engine) reserveAll(ctx context.Context, g *group, events [][]Event) ([]Record, error) {
	reveal := len(g.all) > 1 && jointStep(&g.own().state, events[g.at]) == IdentitiesRevealed
	if b, ok := e.res.(BundleReserver); ok && reveal {
		states := make([]State, len(g.all))
		for i, s := range g.all {
			states[i] = fold(s.state, events[i])
		}
		return b.ReserveAll(ctx, states, states[g.at].HoldUntil)
	}
	var out []Record
	for i, s := range g.all {
		recs, err := e.reserve(ctx, s.state, events[i])
		if err != nil {
			return nil, err
		}
		for _, r := range recs {
			if reveal && slices.ContainsFunc(out, func(o Record) bool { return o.Stream == r.Stream }) {
				return nil, ErrNoCapacity
			}
		}
		out = append(out, recs...)
	}
	return out, nil
}

// ProposeBundle opens the sessions of a bundle in one batch, or replaces legs of
// one: b.Revision is 1, or one more than the bundle has. b.Legs names all legs
// from then on; each has a proposal, or goes on from the revision before. The
// deadline and the hard expiry of every leg are the earliest of all, and from
// then on those of the bundle, whatever b says of them.
//
// A leg is left out only once it is closed or stale for all to see: to replace
// one earlier would tell the demand side of a choice that is sealed. What must
// then be consented to again says [Bundle.Digest]. Repeating a call does nothing.
//
// The errors: [*FieldError], also for proposals of different demand parties,
// slots or holds; [ErrNotFound] for a leg to be kept that does not exist;
// [ErrStale] for another revision than the next; [*PhaseError] for a leg past
// the reveal, or one left out too early; [ErrConflict]; [*PolicyError], for the
// host alone; [ErrUnknownOutcome]; the authorizer's, the log's and ctx's.
func (e *Engine) ProposeBundle(ctx context.Context, b Bundle, proposals []Proposal, now time.Time) error {
	b.Legs = slices.Clone(b.Legs)
	slices.Sort(b.Legs)
	if err := b.check(); err != nil {
		return err
	}
	g, kept, err := e.bundleNow(ctx, &b, proposals)
	if err != nil {
		return err
	}
	defer g.leave()
	defer e.forgetEmpty(g)
	for range e.retries + 2 { // once more at the end: are they what was asked for?
		events, done, err := b.open(g, kept, proposals, instant(now))
		if err != nil || done {
			return err
		}
		for i, evs := range events {
			if g.all[i].version == 0 { // it opens
				if err := e.maySummarise(ctx, evs); err != nil {
					return err
				}
			}
		}
		err = e.commit(ctx, g, key("bundle", b.ID, fmt.Sprint(b.Revision)), events, nil)
		if err != nil && !errors.Is(err, ErrConflict) {
			return err
		}
		if err := e.refreshEach(ctx, g); err != nil {
			return err
		}
	}
	return ErrConflict
}

// bundleNow claims every session that a proposal of a bundle concerns: its
// legs and those that are replaced. kept are the legs without a proposal.
func (e *Engine) bundleNow(ctx context.Context, b *Bundle, proposals []Proposal) (g *group, kept []SessionID, err error) {
	kept = slices.DeleteFunc(slices.Clone(b.Legs), func(id SessionID) bool {
		return slices.ContainsFunc(proposals, func(p Proposal) bool { return p.Session == id })
	})
	if len(b.Legs)-len(kept) != len(proposals) {
		return nil, nil, &FieldError{Field: "proposals", Want: "one for each new leg"}
	}
	ids := slices.Clone(b.Legs)
	for _, id := range kept {
		s, err := e.State(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		if s.Bundle != nil {
			ids = append(ids, s.Bundle.Legs...)
		}
	}
	slices.Sort(ids)
	if g, err = e.claimAll(ctx, slices.Compact(ids)); err != nil {
		return nil, nil, err
	}
	if err = e.refreshEach(ctx, g); err != nil {
		e.forgetEmpty(g)
		g.leave()
		return nil, nil, err
	}
	return g, kept, nil
}

func (e *Engine) forgetEmpty(g *group) {
	for _, s := range g.all {
		if s.version == 0 {
			e.forget(s)
		}
	}
}

func (e *Engine) refreshEach(ctx context.Context, g *group) error {
	for _, s := range g.all {
		if err := e.refresh(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
