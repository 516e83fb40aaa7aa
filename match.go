package csss

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

// Candidate is one offer that fits a need, as the need's side may see it: no
// id that survives the session, no score, no distance but a band.
type Candidate struct {
	Handle    disclosure.Handle `json:"handle"`
	Rank      int               `json:"rank"` // 1 is best; within a tier the order is drawn anew for each answer
	Tier      match.Tier        `json:"tier"`
	Summary   []string          `json:"summary"`         // the frozen labels; or only category and region
	Place     string            `json:"place,omitempty"` // band, region or province
	Covers    string            `json:"covers"`          // "covers the need" or "covers a part of the need"
	Rationale []string          `json:"rationale"`       // why, in facts that are public to both sides
}

// Matches answers [Exchange.Match].
type Matches struct {
	Receipt    Receipt     `json:"receipt"`
	Candidates []Candidate `json:"candidates"`
}

// Miss tells an offer's own firm that a need passed by, and which single gate
// or own rule stood between.
type Miss struct {
	Gate   string    `json:"gate"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
	public bool
	own    bool
}

// maxCandidates is how many candidates a need is shown at once.
const maxCandidates = 10

// Match searches the market for a need of the caller's firm. Every gate and
// both employers' rules are asked before ranking; what the need's side sees of
// an offer is its frozen summary. The call is itself a step: it is logged
// before it answers, its first private answers stand for Config.Window, and
// each offer is shown to an employer group for at most Config.Budget needs in
// that time. Running the same command again gives the same answer.
//
// An empty result has one shape, whatever the cause, the own firm's rules among
// them.
//
// Cost: an embedding of the need and of each offer that is new, the gates of
// every offer of its kind and category, one pass over all firms' rules, and up
// to four decisions for each offer that passes the gates. It holds the exchange's lock all the while, the embedder's
// call included: what a slow embedder makes wait is the market.
//
// Errors: ErrNotFound, also for a need that was withdrawn; ErrNotYours,
// ErrKeyReused; a *BudgetError, see Budgets; those of the embedder, of the index
// and of the ledger, and ctx's.
func (x *Exchange) Match(ctx context.Context, by By, need string) (Matches, error) {
	by = by.withDefaults()
	digest := commandDigest("match", []any{by.Firm, by.Person, need})
	x.mu.Lock()
	defer x.mu.Unlock()
	for range maxConflicts {
		if r, done, err := x.st.duplicate(by, digest); done {
			return x.st.matches(r, x.st.proposals[by.key()]), err
		}
		at, err := x.st.stamp(by.At)
		if err != nil {
			return Matches{}, err
		}
		var (
			ev     *matchProposed
			frozen []event
		)
		err = x.deciding(ctx, func(st *state) (err error) { ev, frozen, err = x.propose(ctx, st, by, need, at); return err })
		if err != nil {
			return Matches{}, err
		}
		evs := append(frozen, x.st.split(ev)...)
		err = x.commit(ctx, by, digest, at, evs)
		if errors.Is(err, ledger.ErrConflict) {
			if err := x.catchUp(ctx); err != nil {
				return Matches{}, err
			}
			continue
		}
		if err != nil {
			return Matches{}, err
		}
		return x.st.matches(Receipt{Command: by.ID, At: by.At}, ev), nil
	}
	return Matches{}, ledger.ErrConflict
}

// matches is what the need's side sees of a proposal.
func (st *state) matches(r Receipt, ev *matchProposed) Matches {
	m := Matches{Receipt: r, Candidates: []Candidate{}}
	if ev == nil {
		return m
	}
	for _, p := range ev.Found {
		if len(p.Summary) == 0 {
			continue // too rare to be shown; its owner has been asked
		}
		m.Candidates = append(m.Candidates, Candidate{
			Handle: p.handle(), Rank: len(m.Candidates) + 1, Tier: p.Tier,
			Summary: slices.Clone(p.Summary), Place: p.Place, Covers: p.Covers, Rationale: slices.Clone(p.Rationale),
		})
	}
	return m
}

// handle is how the need's side calls the offer in this one session.
func (p *proposed) handle() disclosure.Handle {
	return disclosure.HandleOf(p.Session, disclosure.Supply)
}

// supplyHandle is how the offer's side calls the need in this one session.
func (p *proposed) supplyHandle() disclosure.Handle {
	return disclosure.HandleOf(p.Session, disclosure.Demand)
}

// propose searches and decides what is shown. It changes nothing that the log
// does not then hold.
func (x *Exchange) propose(ctx context.Context, st *state, by By, need string, at time.Time) (*matchProposed, []event, error) {
	n := st.needs[need]
	if n == nil || n.need.Firm != by.Firm || !n.live {
		return nil, nil, ErrNotFound
	}
	if !st.employs(by.Firm, by.Person) {
		return nil, nil, ErrNotYours
	}
	if err := st.asksOutside(&n.need, at); err != nil {
		return nil, nil, err
	}
	left, err := st.mayAsk(n.need.Group, needKey{need, n.need.Revision}, at)
	if err != nil {
		return nil, nil, err
	}
	if err := x.reindex(ctx); err != nil {
		return nil, nil, err
	}
	s := &search{x: x, st: st, need: &n.need, at: at, left: left, busy: st.busy(n.need.Group, at), hearing: st.hearing(&n.need, at), modes: map[string]match.Mode{},
		ev: &matchProposed{Need: need, Revision: n.need.Revision, Group: n.need.Group, Rules: st.firms[by.Firm].digest(),
			Until: at.Add(x.cfg.Window)}}
	found, err := x.matcher.Search(ctx, &match.Query{Need: &n.need, K: maxCandidates, Now: at, Book: st.book,
		Admit: s.admit, Median: st.median, WantRejected: true})
	if err != nil {
		return nil, nil, err
	}
	for i := range found.Candidates {
		if err := s.show(&found.Candidates[i]); err != nil {
			return nil, nil, err
		}
	}
	s.shuffle()
	for i := range found.Rejected {
		s.reject(&found.Rejected[i])
	}
	return s.ev, s.frozen, nil
}

// search is one run of Match.
type search struct {
	x       *Exchange
	st      *state
	need    *match.Need
	at      time.Time
	hearing *hearing
	left    int                   // summaries that the group may still be shown
	busy    map[string]bool       // offers that it is talking about, or was a short while ago
	modes   map[string]match.Mode // offer → the way of working that both sides' rules permit
	ev      *matchProposed
	frozen  []event
}

// shuffle puts the candidates of one tier into an order of their own, which the
// random names of their sessions give: two firms that ask the same would find by
// the order of the scores which of their candidates are one offer.
func (s *search) shuffle() {
	rank := map[match.Tier]int{match.High: 0, match.Medium: 1, match.Low: 2}
	slices.SortFunc(s.ev.Found, func(a, b *proposed) int {
		return cmp.Or(cmp.Compare(rank[a.Tier], rank[b.Tier]), cmp.Compare(a.Session, b.Session))
	})
}

// admit is asked for each offer that passed every gate, before anything is
// ranked: may this employer group meet this offer at all, today?
func (s *search) admit(o *match.Offer, p *match.Plan) bool {
	if s.settled(o.ID, p) {
		s.ev.Passed = append(s.ev.Passed, o.ID)
		return false
	}
	var own *policy.Reason
	f := &fit{need: s.need, off: o, plan: p}
	for _, f.mode = range bothModes(o, s.need) {
		ok, reason := s.hearing.permitted(f)
		if ok {
			s.modes[o.ID] = f.mode
			return true
		}
		if own == nil {
			own = reason
		}
	}
	if own != nil {
		s.ownMiss(o.ID, own)
	}
	s.answer(o.ID, answered{})
	return false
}

// settled reports whether a group is not answered about an offer any more: they
// are talking or have just stopped, its first answer says it all, or its
// questions are spent.
func (s *search) settled(offer string, p *match.Plan) bool {
	key := answerKey{s.need.Group, offer}
	first, known := s.st.frozenAnswer(key, s.at)
	return s.busy[offer] || known && s.answeredAlready(first, p.Full) ||
		s.st.spent(key, contact{need: s.ev.Need, revision: s.ev.Revision, rules: s.ev.Rules}, s.at) >= s.x.cfg.Budget
}

// gateName is what an offer's firm reads of a failed gate: its name, and for a
// property that the offer does not state only that it is one. What the need
// asks for is its own text.
func (s *search) gateName(offer, gate string) string {
	o, ok := s.matcherOffer(offer)
	known := slices.ContainsFunc(match.Gates(), func(g match.GateInfo) bool { return g.Name == gate })
	if ok && !known {
		if _, stated := o.Properties[gate]; !stated {
			return "property"
		}
	}
	return gate
}

// ownMiss records that a firm's own rules kept its offer from a need. A rule
// that read the other side is counted in totals only: by its name alone a firm
// could learn who asked.
func (s *search) ownMiss(offer string, r *policy.Reason) {
	m := missed{Offer: offer, Gate: "rules"}
	if !r.Tainted {
		m.Reason, m.Own = r.Rule+": "+r.Text, true
	}
	s.ev.Misses = append(s.ev.Misses, m)
}

// bothModes lists the ways of working that both sides accept, on site first.
func bothModes(o *match.Offer, n *match.Need) []match.Mode {
	common := modeOr(o.Mode) & modeOr(n.Mode)
	if bits.OnesCount8(uint8(common)) < 2 {
		return []match.Mode{common}
	}
	modes := []match.Mode{match.Remote}
	if match.OnSiteReach(n, o) {
		modes = []match.Mode{match.OnSite, match.Remote}
	}
	return modes
}

func modeOr(m match.Mode) match.Mode {
	if m == 0 {
		return match.OnSite
	}
	return m
}

// spent counts the other questions that the group has asked of the offer: other
// needs, and the same need under other rules of its own.
func (st *state) spent(key answerKey, this contact, at time.Time) int {
	count := 0
	for _, c := range st.contacts[key] {
		if at.Before(c.until) && (c.need != this.need || c.revision != this.revision || c.rules != this.rules) {
			count++
		}
	}
	return count
}

// answer notes that an offer's private gates answered this group. The first
// answer stands; each question counts, whatever it brought.
func (s *search) answer(offer string, a answered) {
	a.Offer = offer
	s.ev.Answers = append(s.ev.Answers, a)
}

// show decides what the need's side sees of a candidate: its frozen summary,
// less on the ladder for rare offers, or nothing until its owner is asked.
func (s *search) show(c *match.Candidate) error {
	o, ok := s.matcherOffer(c.Offer)
	if !ok {
		return nil
	}
	p := proposed{Session: disclosure.SessionID(randomID()), Offer: c.Offer, Rev: o.Revision, Mode: s.modes[c.Offer],
		Tier: c.Tier, Covers: "covers the need", Rationale: c.Rationale, Plan: c.Plan}
	p.Rules = [2]disclosure.Digest{disclosure.Supply: s.st.inForce(o.Firm), disclosure.Demand: s.st.inForce(s.need.Firm)}
	p.Asks = s.asks(o)
	p.Rate, p.Priced = c.Price.Open()
	first, known := s.st.frozenAnswer(answerKey{s.need.Group, c.Offer}, s.at)
	if !c.Plan.Full || known && !first.full { // a group that was told "a part" is not told when it becomes the whole
		p.Covers = "covers a part of the need"
	}
	ladder, err := s.st.summaries.Ladder(c.Offer, s.st.viewer(s.need.Firm), s.at)
	if err != nil {
		return fmt.Errorf("csss: summary: %w", err)
	}
	shown := ladder.Step == disclosure.StepText || ladder.Step == disclosure.StepFit
	if shown && s.left == 0 {
		return nil // as if it had not been found
	}
	if shown {
		s.left--
	}
	s.freeze(c.Offer, ladder.Fresh)
	switch ladder.Step {
	case disclosure.StepText:
		p.Summary, p.Place = ladder.Shown.Labels, ladder.Shown.Place
	case disclosure.StepFit:
		p.Summary, p.Place = []string{"a fit exists", ladder.Fit.Category}, ladder.Fit.Region
		p.Rationale = nil
	default:
		p.Rationale = nil // its owner is asked before anything is shown
	}
	s.ev.Found = append(s.ev.Found, &p)
	s.answer(c.Offer, answered{Fit: true, Full: c.Plan.Full})
	return nil
}

// asks is what the offer's side sees of the need. The first proposal freezes it.
func (s *search) asks(o *match.Offer) shownFor {
	key := needKey{s.need.ID, s.need.Revision}
	frozen := s.st.asks[key]
	if frozen == nil && s.ev.Asks == nil {
		s.ev.Asks = &[2]asks{s.st.freezeNeed(s.need, s.st.k), s.st.freezeNeed(s.need, s.st.kPeople)}
	}
	if frozen == nil {
		frozen = s.ev.Asks
	}
	var was *shownFor
	if first, ok := s.st.asked[needViewer{key, o.Group}]; ok {
		was = &first
	}
	for i := range s.ev.Found {
		if x := s.st.offers[s.ev.Found[i].Offer]; x.offer.Group == o.Group {
			was = &s.ev.Found[i].Asks
		}
	}
	if o.Person != "" {
		return s.st.seenBy(&frozen[1], s.need, o.Group, s.st.kPeople, was)
	}
	return s.st.seenBy(&frozen[0], s.need, o.Group, s.st.k, was)
}

func (s *search) matcherOffer(id string) (*match.Offer, bool) {
	o := s.st.offers[id]
	if o == nil || !o.live {
		return nil, false
	}
	return &o.offer, true
}

// freeze logs what was settled by looking, shown or not. The fold installs it;
// another writer's freeze of the same offer is a conflict.
func (s *search) freeze(offer string, fresh []disclosure.Frozen) {
	stream := "summary/" + offer
	for i, f := range fresh {
		subjects := s.st.subjectsOf(offer)
		if f.Group != "" { // it says where the viewer is
			subjects = append(subjects, s.need.Firm)
		}
		s.frozen = append(s.frozen, event{stream: stream, body: &summaryFrozen{Frozen: f}, subjects: subjects,
			expect: ledger.Exactly(s.st.versions[stream] + uint64(i))})
	}
}

// viewer is where a firm looks from: its verified site.
func (st *state) viewer(firm string) disclosure.Viewer {
	f := st.firms[firm]
	return disclosure.Viewer{Group: f.firm.Group, Lat: f.firm.Sites[0].At.Lat, Lon: f.firm.Sites[0].At.Lon}
}

// reject records what a near miss means for its own firm, and freezes the
// answer of the private gates where nothing else stood in the way.
func (s *search) reject(r *match.Rejection) {
	failed, private, measured := 0, 0, 0
	var first match.GateResult
	for _, g := range r.Gates {
		if g.Passed {
			continue
		}
		if failed++; failed == 1 {
			first = g
		}
		switch {
		case !g.Public:
			private++
		case s.measured(r.Offer, g.Gate):
			measured++
		}
	}
	if failed == 0 {
		return // refused by the rules; see admit
	}
	if failed == private+measured && s.need.Until.After(s.at) { // one whose time is over fits nothing
		s.answer(r.Offer, answered{})
	}
	if failed == 1 {
		m := missed{Offer: r.Offer, Gate: s.gateName(r.Offer, first.Gate), Public: first.Public}
		if first.Gate == "window" { // the one reason that quotes nothing of the need
			m.Reason = first.OfferReason
		}
		s.ev.Misses = append(s.ev.Misses, m)
	}
	if failed == 1 && first.Gate == "quantity" {
		s.overAsked(r.Offer)
	}
}

// measured reports whether a gate on public operands compares times or numbers,
// which a need could bisect: the summary shows them coarser, or not at all.
func (s *search) measured(offer, gate string) bool {
	o, ok := s.matcherOffer(offer)
	if !ok {
		return false
	}
	switch gate {
	case "window":
		return true
	case "credential": // held, but not through the whole window
		return !slices.ContainsFunc(s.need.Credentials, func(scheme string) bool {
			return !slices.ContainsFunc(o.Credentials, func(c match.Credential) bool { return strings.EqualFold(c.Scheme, scheme) })
		})
	default:
		return slices.ContainsFunc(s.need.Requires, func(r match.Requirement) bool { return r.Property == gate && len(r.Terms) == 0 })
	}
}

// overAsked tells the offer's own firm when a need that asked for more than is
// left would have been refused by the firm's own rules as well: judged on what
// the need would take if the offer had no bounds.
func (s *search) overAsked(offer string) {
	o, ok := s.matcherOffer(offer)
	if !ok {
		return
	}
	free := *o
	free.Quantity = match.Quantity{Unit: o.Quantity.Unit}
	plan, err := match.NewBook().Plan(&free, s.need, s.at)
	if err != nil {
		return
	}
	var own *policy.Reason
	for _, mode := range bothModes(o, s.need) {
		f := &fit{need: s.need, off: o, plan: &plan, mode: mode}
		d := s.st.decide(s.st.supplyRequest(policy.Match, f, s.at))
		if d.Outcome != policy.Deny {
			return
		}
		own = firstReason(d.Reasons)
	}
	if own != nil {
		s.ownMiss(offer, own)
	}
}

// NearMisses tells a firm which needs its offer nearly met: the one gate that
// failed where the other side's operand is public, and its own rules. Gates on
// private operands (price, distance, hours left) are not among them; they are
// counted in [Exchange.MissTotals].
//
// Errors: ErrNotFound, also for another firm's offer.
func (x *Exchange) NearMisses(ctx context.Context, by By, offer string) ([]Miss, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	o := x.st.offers[offer]
	if o == nil || o.offer.Firm != by.Firm || !x.st.employs(by.Firm, by.Person) {
		return nil, ErrNotFound
	}
	out := []Miss{}
	for _, m := range x.st.misses[offer] {
		if m.public || m.own {
			out = append(out, m)
		}
	}
	return out, nil
}

// MissTotals counts, by private gate, the employer groups with an offer that
// failed this one gate alone against some need. A gate is listed from K groups
// on, and its count is rounded down to a multiple of K.
//
// Errors: ctx's.
func (x *Exchange) MissTotals(ctx context.Context) (map[string]int, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	groups := map[string]map[string]bool{}
	for id, list := range x.st.misses {
		o := x.st.offers[id]
		if o == nil {
			continue // erased
		}
		for _, m := range list {
			if m.public || m.own {
				continue
			}
			if groups[m.Gate] == nil {
				groups[m.Gate] = map[string]bool{}
			}
			groups[m.Gate][o.offer.Group] = true
		}
	}
	out := map[string]int{}
	for gate, g := range groups {
		if len(g) >= x.cfg.K {
			out[gate] = len(g) - len(g)%x.cfg.K
		}
	}
	return out, nil
}

// Candidates returns what the latest Match of a need found, with summaries
// that owners have consented to since. It logs nothing and searches nothing.
//
// Errors: ErrNotFound, ErrNotYours.
func (x *Exchange) Candidates(by By, need string) (Matches, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := x.st.needs[need]
	if n == nil || n.need.Firm != by.Firm {
		return Matches{}, ErrNotFound
	}
	if !x.st.employs(by.Firm, by.Person) {
		return Matches{}, ErrNotYours
	}
	last := x.st.commands[n.lastMatch] // its own time: the market's would tell of other firms' steps
	return x.st.matches(Receipt{Command: last.id, At: last.at}, x.st.proposals[n.lastMatch]), nil
}

// Remaining is what is left of an offer after all holds, for its own firm.
//
// Errors: ErrNotFound, also for another firm's offer.
func (x *Exchange) Remaining(by By, offer string) (match.Amount, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	o := x.st.offers[offer]
	if o == nil || o.offer.Firm != by.Firm || !x.st.employs(by.Firm, by.Person) {
		return 0, ErrNotFound
	}
	return x.st.book.Remaining(&o.offer)
}
