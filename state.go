package csss

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/match/market"
	"github.com/deeperpoint/csss/policy"
)

// state is the fold of the log: everything the exchange knows, rebuilt entry
// by entry. It has no lock of its own and decides nothing by the wall clock.
type state struct {
	schema     *policy.Schema
	noRules    *policy.Set       // the empty one
	shows      disclosure.Schema // what each stage shows
	k, kPeople int               // employers that must share what is shown of a need
	summaries  *disclosure.Summarizer
	book       *match.Book

	next     uint64    // index of the next entry to fold
	now      time.Time // latest claimed time; never goes back
	stocked  time.Time // of the latest entry about an offer or a hold
	versions map[string]uint64
	commands map[string]commandRecord

	rules   *policy.Set // every document in force; see settle
	changed []string    // firms whose documents are not in it yet
	changes []ruleChange

	knows []string      // obligations that are carried out
	batch *policy.Batch // takes down the decisions of a step; nil: they are not logged

	firms       map[string]*firmState
	people      map[string]*personState
	offers      map[string]*offerState
	needs       map[string]*needState
	sessions    map[disclosure.SessionID]*sessionState
	helpers     map[string]*helping // invitations of third parties, by stream
	handles     map[disclosure.Handle]handleRef
	excluded    map[string]excluded // groups refused, by firm
	answers     map[answerKey]answer
	contacts    map[answerKey][]contact
	spendings   map[string]*spending // by employer group
	bookings    map[string]booking   // provisional holds
	asks        map[needKey]*[2]asks // frozen summaries of needs: for things, for people
	asked       map[needViewer]shownFor
	reports     map[string][]usageReported        // by firm
	handOvers   map[string][]policy.ApprovalEvent // by firm: hand-overs of votes, and those taken back
	grants      map[string][]policy.GrantEvent    // by firm: beside those in its rules
	comparables map[string][]int64                // by category
	outcomes    map[string][]market.Outcome
	misses      map[string][]Miss // by offer, for its own firm
	names       register          // redaction register
	order       []string          // offer ids in order of publication

	seeds    map[string][]byte // of keys, by subject; secret
	hostKeys bool              // the host keeps the holders' keys

	opening map[disclosure.SessionID]*deal // of sessions that are just being proposed, so that their plan is not read again and again

	pending   []*match.Offer            // offers of the batch that is being decided, which quotas count already
	dirty     []string                  // offers whose place in the search index may be out of date
	compiled  map[string]compiled       // by firm
	rare      []disclosure.SessionID    // pairs whose offer was too rare to be shown
	proposals map[string]*matchProposed // by command
	budgets   Budgets
	window    time.Duration // how long a first private answer stands
	external  string        // where text and vectors go; empty: nowhere
}

// commandRecord is a command that was run: the id its caller gave it, and what
// tells it from another; neither is known once its record is erased.
type commandRecord struct {
	id     string
	digest string
	at     time.Time
}

type firmState struct {
	firm    Firm
	rules   *policy.Set                       // the firm's document in force, which state.rules holds too
	broken  error                             // why the document in force does not compile, or does not count
	version int                               // the highest that the firm's documents have had
	pins    Pins                              // whose signature makes a document count
	keys    *policy.Keyring                   // the same
	past    map[disclosure.Digest]*policy.Set // every document the firm has had, for sessions that opened under it
}

type personState struct {
	firm   string
	person Person
	left   bool
	leftAt time.Time
}

type offerState struct {
	offer     match.Offer
	publisher string
	live      bool
	edits     int // how often its owner published it anew
}

type needState struct {
	need      match.Need
	live      bool
	lastMatch string // command of the latest proposal
}

type sessionState struct {
	state disclosure.State
	deal  deal
	steps []step

	shares [2][2][]byte           // by side: of the party and the employer, see handing
	taken  map[takenKey]time.Time // when each command of a person was accepted

	watches [2]watch     // of an engagement: how each side stands
	notices [2]time.Time // when it ends by a side's notice; zero: never
	settled [2]bool      // a side's dispute
}

// takenKey is a command of a session: whose it is, and its id.
type takenKey struct{ person, command string }

// step is one entry of a session: where it lies in the log, how the trail
// calls it, and whose it is before the reveal.
type step struct {
	index uint64
	name  string
	at    time.Time
	side  disclosure.Side
	both  bool // concerns both sides and is told to both

	session bool // lies in the session's own stream
	auto    bool // an approval by the rules alone
	rules   [2]ruling
}

// ruling is the rule document under which a side's employer judged a step.
type ruling struct {
	digest  disclosure.Digest
	version int
}

// handleRef is what a pairwise handle stands for: one side's view of a pair
// that may become, or has become, a session.
type handleRef struct {
	side      disclosure.Side // whose handle it is
	session   disclosure.SessionID
	need      string
	needRev   int
	candidate *proposed
	until     time.Time // when the proposal lapses
}

// answerKey is one employer group's view of one offer.
type answerKey struct{ group, offer string }

type answer struct {
	fit, full bool
	need      string // that was asked
	revision  int
	until     time.Time
}

// contact is one question that a group asked of an offer: a need, in one
// revision, under one version of the group's own rules.
type contact struct {
	need     string
	revision int
	rules    string
	until    time.Time
}

func newState(cfg *Config) (*state, error) {
	sum, err := disclosure.NewSummarizer(cfg.summarySchema(), cfg.summaryOptions())
	if err != nil {
		return nil, err
	}
	none, err := policy.Compile(cfg.Schema)
	if err != nil {
		return nil, err
	}
	return &state{
		rules: none, noRules: none, knows: cfg.obligations(),
		schema: cfg.Schema, shows: cfg.summarySchema(), k: cfg.K, kPeople: cfg.KPeople, summaries: sum, book: match.NewBook(),
		versions: map[string]uint64{}, commands: map[string]commandRecord{},
		firms: map[string]*firmState{}, people: map[string]*personState{},
		offers: map[string]*offerState{}, needs: map[string]*needState{},
		sessions: map[disclosure.SessionID]*sessionState{}, helpers: map[string]*helping{}, handles: map[disclosure.Handle]handleRef{},
		excluded: map[string]excluded{}, answers: map[answerKey]answer{}, contacts: map[answerKey][]contact{}, spendings: map[string]*spending{}, bookings: map[string]booking{}, asks: map[needKey]*[2]asks{}, asked: map[needViewer]shownFor{},
		reports: map[string][]usageReported{}, handOvers: map[string][]policy.ApprovalEvent{}, grants: map[string][]policy.GrantEvent{}, comparables: map[string][]int64{},
		outcomes: map[string][]market.Outcome{}, misses: map[string][]Miss{}, names: register{},
		seeds: map[string][]byte{}, opening: map[disclosure.SessionID]*deal{}, hostKeys: cfg.Keys != nil,
		window: cfg.Window, budgets: cfg.Budgets, external: cfg.External, compiled: map[string]compiled{}, proposals: map[string]*matchProposed{},
	}, nil
}

// apply folds one entry. Entries of sessions are decoded by package
// disclosure, which also knows what an erased one means; any other erased
// entry leaves only its place.
func (st *state) apply(e ledger.Entry) error {
	switch {
	case e.Index < st.next:
		return nil
	case e.Index > st.next:
		return fmt.Errorf("csss: entry %d does not follow entry %d", e.Index, st.next)
	}
	st.next = e.Index + 1
	st.now = maxTime(st.now, e.Claimed)
	st.versions[e.Stream] = e.StreamVersion
	if strings.HasPrefix(e.Stream, "offer/") {
		st.stocked = maxTime(st.stocked, e.Claimed)
	}
	if id, ok := strings.CutPrefix(e.Stream, sessionPrefix); ok {
		return st.applySession(disclosure.SessionID(id), e)
	}
	if isFacilitator(e.Stream) {
		return st.applyFacilitator(e)
	}
	switch key := commandOf(e); {
	case e.Type == (*subjectShredded)(nil).kind(): // its effect is that earlier entries come back erased
		st.commands[key] = commandRecord{digest: eraseDigest(e.Subjects[0], string(e.Payload)), at: e.Claimed}
		return nil
	case e.Erased:
		if _, known := st.commands[key]; !known && strings.HasPrefix(key, commandPrefix) {
			st.commands[key] = commandRecord{at: e.Claimed}
		}
		return nil
	}
	env, b, err := decodeEvent(e.Type, e.Payload)
	if err != nil {
		return err
	}
	if env.Command != "" {
		st.commands[commandOf(e)] = commandRecord{id: env.Command, digest: env.Digest, at: env.At}
	}
	b.fold(st, e)
	return nil
}

func (ev *firmRegistered) fold(st *state, _ ledger.Entry) {
	f := ev.Firm
	st.firms[f.ID] = &firmState{firm: f, past: map[disclosure.Digest]*policy.Set{}}
	st.names.addFirm(&f)
	st.seeded(f.ID, ev.Seed)
}

func (ev *personEnrolled) fold(st *state, _ ledger.Entry) {
	st.people[ev.Person.ID] = &personState{firm: ev.Firm, person: ev.Person}
	st.names.addName(ev.Person.Name)
	st.seeded(ev.Person.ID, ev.Seed)
}

func (ev *personLeft) fold(st *state, e ledger.Entry) {
	if p := st.people[ev.Person]; p != nil {
		p.left, p.leftAt = true, e.Claimed
	}
}

func (ev *policyChanged) fold(st *state, e ledger.Entry) {
	f := st.firms[ev.Firm]
	if f == nil {
		return
	}
	if f.rules, f.broken = st.compile(ev, e.Claimed); f.rules != nil {
		f.past[disclosure.Digest(f.rules.Digest(ev.Firm))] = f.rules
	}
	f.version = max(f.version, ev.Version)
	st.changed = append(st.changed, ev.Firm)
	st.changes = append(st.changes, ruleChange{ev.Firm, f.current(), commandOf(e)})
	st.indexAgain(ev.Firm)
}

func (ev *offerPublished) fold(st *state, e ledger.Entry) {
	o := ev.Offer
	st.noteExcluded(o.Firm, o.Exclude, e.Claimed)
	o.Floor, o.Cost = bound(ev.Floor), bound(ev.Cost)
	edits := 0
	if old := st.offers[o.ID]; old == nil {
		st.order = append(st.order, o.ID)
	} else {
		edits = old.edits + 1
	}
	st.offers[o.ID] = &offerState{offer: o, publisher: ev.By, live: true, edits: edits}
	st.summaries.Put(st.listing(&o))
	st.dirty = append(st.dirty, o.ID)
}

func (ev *offerWithdrawn) fold(st *state, _ ledger.Entry) {
	if o := st.offers[ev.Offer]; o != nil {
		o.live = false
		st.summaries.Remove(ev.Offer)
		st.dirty = append(st.dirty, ev.Offer)
	}
}

func (ev *credentialRevoked) fold(st *state, _ ledger.Entry) {
	o := st.offers[ev.Offer]
	if o == nil {
		return
	}
	o.offer.Credentials = slices.DeleteFunc(slices.Clone(o.offer.Credentials),
		func(c match.Credential) bool { return c.Scheme == ev.Scheme })
	o.offer.Revision++
	if o.live {
		st.summaries.Put(st.listing(&o.offer))
		st.dirty = append(st.dirty, ev.Offer)
	}
}

func (ev *needRegistered) fold(st *state, e ledger.Entry) {
	n := ev.Need
	st.noteExcluded(n.Firm, n.Exclude, e.Claimed)
	n.Ceiling = bound(ev.Ceiling)
	st.needs[n.ID] = &needState{need: n, live: true}
}

func (ev *needWithdrawn) fold(st *state, _ ledger.Entry) {
	if n := st.needs[ev.Need]; n != nil {
		n.live = false
	}
}

func (ev *comparableRecorded) fold(st *state, _ ledger.Entry) {
	st.comparables[ev.Category] = append(st.comparables[ev.Category], ev.Rates...)
}

func (ev *usageReported) fold(st *state, _ ledger.Entry) {
	st.reports[ev.Firm] = append(st.reports[ev.Firm], *ev)
}

func (ev *matchProposed) fold(st *state, e ledger.Entry) {
	all := st.proposals[commandOf(e)]
	if all == nil {
		all = &matchProposed{Need: ev.Need, Revision: ev.Revision, Group: ev.Group, Rules: ev.Rules, Until: ev.Until}
		st.proposals[commandOf(e)] = all
		if n := st.needs[ev.Need]; n != nil {
			n.lastMatch = commandOf(e)
		}
		st.spentBy(ev.Group, e.Claimed).asks(needKey{ev.Need, ev.Revision}, e.Claimed)
	}
	if ev.Asks != nil {
		st.asks[needKey{ev.Need, ev.Revision}] = ev.Asks
	}
	for _, id := range ev.Order {
		c := &proposed{Session: id}
		all.Found = append(all.Found, c)
		st.handles[c.handle()] = handleRef{side: disclosure.Demand, session: id, need: ev.Need, needRev: ev.Revision, candidate: c, until: ev.Until}
	}
	for _, c := range ev.Found {
		ref, ok := st.handles[c.handle()]
		if !ok {
			continue
		}
		*ref.candidate = *c
		ref.side = disclosure.Supply
		st.handles[c.supplyHandle()] = ref
		if o := st.offers[c.Offer]; o != nil {
			st.asked[needViewer{needKey{ev.Need, ev.Revision}, o.offer.Group}] = c.Asks
		}
		if len(c.Summary) == 0 {
			st.rare = append(st.rare, c.Session)
			continue
		}
		s := st.spentBy(ev.Group, e.Claimed)
		s.shown = append(s.shown, e.Claimed)
	}
	for _, a := range ev.Answers {
		key := answerKey{ev.Group, a.Offer}
		st.touch(key, contact{need: ev.Need, revision: ev.Revision, rules: ev.Rules, until: ev.Until}, e.Claimed)
		if _, known := st.frozenAnswer(key, e.Claimed); !known {
			st.answers[key] = answer{fit: a.Fit, full: a.Full, need: ev.Need, revision: ev.Revision, until: ev.Until}
		}
	}
	for _, m := range ev.Misses {
		st.misses[m.Offer] = append(st.misses[m.Offer], Miss{Gate: m.Gate, Reason: m.Reason, At: e.Claimed, public: m.Public, own: m.Own})
	}
}

func (ev *matchOffered) fold(st *state, _ ledger.Entry) {
	c := &proposed{Session: ev.Session, Offer: ev.Offer}
	if _, whole := st.handles[c.supplyHandle()]; !whole {
		st.handles[c.supplyHandle()] = handleRef{side: disclosure.Supply, session: ev.Session, candidate: c}
	}
}

// frozenAnswer is the first answer of the private gates that still stands.
func (st *state) frozenAnswer(key answerKey, at time.Time) (answer, bool) {
	a, ok := st.answers[key]
	return a, ok && at.Before(a.until)
}

// touch notes a question; the same one counts once while it stands.
func (st *state) touch(key answerKey, c contact, at time.Time) {
	for _, old := range st.contacts[key] {
		if old.need == c.need && old.revision == c.revision && old.rules == c.rules && at.Before(old.until) {
			return
		}
	}
	st.contacts[key] = append(st.contacts[key], c)
}

func (ev *summaryFrozen) fold(st *state, _ ledger.Entry) {
	_ = st.summaries.Install(ev.Frozen) // what does not fit the schema any more is settled anew
}

func (ev *summaryConsented) fold(st *state, e ledger.Entry) {
	_ = st.summaries.Install(ev.Frozen)
	ref, ok := st.handles[disclosure.HandleOf(ev.Session, disclosure.Supply)]
	if shown := ev.Frozen.Shown; ok && shown != nil {
		ref.candidate.Summary, ref.candidate.Place = slices.Clone(shown.Labels), shown.Place
		if n := st.needs[ref.need]; n != nil {
			s := st.spentBy(n.need.Group, e.Claimed)
			s.shown = append(s.shown, e.Claimed)
		}
	}
}

func (ev *subjectShredded) fold(*state, ledger.Entry) {}

func (ev *holdProvisional) fold(st *state, e ledger.Entry) {
	st.noteHold(ev.Hold.ID, ev.kind(), e)
	st.charge(&ev.Hold, e)
	if o := st.offers[ev.Hold.Offer]; o != nil {
		_ = st.book.Place(&o.offer, ev.Hold) // decided against this very state
	}
}

func (ev *holdFirmed) fold(st *state, e ledger.Entry) {
	st.book.Firm(ev.Hold)
	delete(st.bookings, ev.Hold)
	st.noteHold(ev.Hold, ev.kind(), e)
}

func (ev *holdReleased) fold(st *state, e ledger.Entry) {
	st.book.Release(ev.Hold, ev.From)
	delete(st.bookings, ev.Hold)
	st.noteHold(ev.Hold, ev.kind(), e)
}

// offerIDs lists the offers in order of publication.
func (st *state) offerIDs() []string { return st.order }

func (st *state) sessionIDs() []disclosure.SessionID {
	return slices.Sorted(maps.Keys(st.sessions))
}

// neutralTrust is what is said of a firm that nothing is known of.
const neutralTrust = 0.5

// trust is the firm's score from rated engagements, in tenths, because other
// firms' rules may weigh it; neutral without any.
func (st *state) trust(firm string) float64 {
	t, err := market.TrustOf(st.outcomes[firm], st.now, nil)
	if err != nil {
		return neutralTrust
	}
	return math.Round(t.Score*10) / 10
}

// commandOf is the command an entry of the market came from.
func commandOf(e ledger.Entry) string {
	return e.Key[:max(strings.LastIndexByte(e.Key, '#'), 0)]
}
