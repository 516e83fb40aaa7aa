package csss

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/terms"
	"github.com/deeperpoint/csss/embed"
	"github.com/deeperpoint/csss/embed/lexical"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

// Config says what an exchange is made of. The zero Config is an exchange in
// memory with every default.
type Config struct {
	Dir    string          // directory of the ledger, created if absent; empty = memory
	Store  ledger.Store    // a store of the host's instead of Dir; nil = Dir decides
	Ledger *ledger.Options // name and signer of the log; nil = defaults

	Embedder  embed.Embedder    // nil = embed/lexical
	Index     match.VectorIndex // nil = match/hnsw
	External  string            // name of the service to which Embedder or Index sends text or vectors: a firm's listings go there only where its rules permit process_externally; empty = they stay in this process
	Schema    *policy.Schema    // attributes that rules may use, those of the logged rules among them; nil = policy.BaseSchema
	Terms     []terms.Template  // standard engagement terms; nil = terms.Standard
	Summary   disclosure.Schema // what each stage shows: the summary, who a party is, how to reach it; nil = disclosure.DefaultSchema
	Weights   *match.Weights    // scoring; nil = match.DefaultWeights
	Knows     []string          // obligations of rules that the host carries out, beside those of Obligations: a permit that asks for any other does not permit; nil = none
	Keys      Keys              // private keys of parties, employers and the operator, which open sealed identities together; nil = the exchange makes and keeps them, each in its holder's record
	Decisions *policy.Recorder  // logs every decision of a step before anything comes of it, see DecidedBy; must not call the exchange, whose lock is held; nil = no log
	Events    func(kind string) // called with the kind of each durable entry, in the log's order, before the call that wrote it returns; must be quick and must not call the exchange, whose lock is held; nil = none
	Logger    *slog.Logger      // how many entries were appended, never contents; nil = discard

	K        int           // employers that must share a summary; 0 = 5
	KPeople  int           // the same for a person's expertise; 0 = 11
	UnsafeK  bool          // allow K below 3; false
	Budget   int           // questions of one employer group about one offer per Window, answered either way; 0 = 8
	Window   time.Duration // how long a private gate's first answer stands, fixed when it is given; 0 = 30 days
	Budgets  Budgets       // what else an employer group may ask and hold; zero = defaults
	Deadline time.Duration // of a session, unless the firms' rules say less; 0 = 24 h
	Slot     time.Duration // closes are published on multiples of it; 0 = 1 h
	Grace    time.Duration // identities stay readable after a close; 0 = 72 h
	Expiry   time.Duration // hard expiry of a session; 0 = 30 days
}

func (c Config) withDefaults() Config {
	def(&c.K, 5)
	def(&c.KPeople, 11)
	def(&c.Budget, 8)
	def(&c.Window, 30*24*time.Hour)
	c.Budgets.setDefaults()
	def(&c.Deadline, 24*time.Hour)
	def(&c.Slot, time.Hour)
	def(&c.Grace, 72*time.Hour)
	def(&c.Expiry, 30*24*time.Hour)
	if c.Schema == nil {
		c.Schema = policy.BaseSchema()
	}
	if c.Terms == nil {
		c.Terms = terms.Standard()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// validate checks a Config whose defaults are filled in.
func (c *Config) validate() error {
	least := 3
	if c.UnsafeK {
		least = 2
	}
	for _, n := range []struct {
		field     string
		have, min int
	}{{"k", c.K, least}, {"k_people", c.KPeople, least}, {"budget", c.Budget, 1}} {
		if n.have < n.min {
			return &InputError{Field: "config." + n.field, Value: fmt.Sprint(n.have), Limit: fmt.Sprintf("must be %d or more", n.min)}
		}
	}
	for _, d := range []struct {
		field string
		have  time.Duration
	}{{"window", c.Window}, {"deadline", c.Deadline}, {"slot", c.Slot}, {"grace", c.Grace}} {
		if d.have <= 0 {
			return &InputError{Field: "config." + d.field, Value: d.have.String(), Limit: "must be above 0"}
		}
	}
	if err := c.Budgets.validate(); err != nil {
		return err
	}
	if c.Expiry <= c.Deadline {
		return &InputError{Field: "config.expiry", Value: c.Expiry.String(), Limit: "must be above the deadline, which is " + c.Deadline.String()}
	}
	if err := checkSchema(c.summarySchema()); err != nil {
		return err
	}
	if c.Store != nil && c.Dir != "" {
		return &InputError{Field: "config.store", Limit: "give either Store or Dir"}
	}
	for i, t := range c.Terms {
		if err := t.Validate(); err != nil {
			return fmt.Errorf("csss: config.terms[%d]: %w", i, err)
		}
	}
	for _, id := range []string{termsCapacity, termsConsult, termsGuidance} {
		if !slices.ContainsFunc(c.Terms, func(t terms.Template) bool { return t.ID == id }) {
			return &InputError{Field: "config.terms", Value: id, Limit: "is missing"}
		}
	}
	return nil
}

func def[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

func (c *Config) summarySchema() disclosure.Schema {
	if c.Summary == nil {
		return disclosure.DefaultSchema()
	}
	return c.Summary
}

func (c *Config) summaryOptions() *disclosure.SummaryOptions {
	return &disclosure.SummaryOptions{K: c.K, KPeople: c.KPeople, AllowUnsafe: c.UnsafeK}
}

// An Exchange is one market over one ledger. It may be used by any number of
// goroutines: commands take turns, [Exchange.Match] with its search included;
// what only reads runs beside other reads. Its state is a fold of the ledger; whatever an Exchange has
// acknowledged is in the ledger, and nothing else is in its state.
type Exchange struct {
	cfg     Config
	log     *ledger.Log
	matcher *match.Matcher
	engine  *disclosure.Engine
	keys    Keys

	mu     sync.RWMutex // guards st, broken and the order of appends
	st     *state
	broken error // set when the ledger's answer is unknown; refuses everything until reopened
}

// maxConflicts bounds how often a command is decided again because another
// writer extended the log first.
const maxConflicts = 8

// maxDecisions bounds how often a step of a session is decided again because
// rules, facts or quotas changed between its decision and its place in the log.
const maxDecisions = 64

// Open opens or creates an exchange and replays its ledger. Cost: one fold
// step per entry, one embedding per live offer.
//
// Errors: *InputError or *terms.TemplateError for a bad Config, a *RulesError
// for each firm whose rules in force do not compile under Config.Schema, the
// ledger's (*ledger.CorruptError names the entry), and ctx's.
func Open(ctx context.Context, cfg Config) (*Exchange, error) {
	cfg = cfg.withDefaults()
	if err := cmp.Or(cfg.validate(), ctx.Err()); err != nil {
		return nil, err
	}
	log, err := openLog(ctx, &cfg)
	if err != nil {
		return nil, err
	}
	x := &Exchange{cfg: cfg, log: log}
	if err := x.start(ctx); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return x, nil
}

func openLog(ctx context.Context, cfg *Config) (*ledger.Log, error) {
	switch {
	case cfg.Store != nil:
		return ledger.Open(ctx, cfg.Store, cfg.Ledger)
	case cfg.Dir != "":
		return ledger.OpenDir(ctx, cfg.Dir, cfg.Ledger)
	default:
		return ledger.OpenMemory(cfg.Ledger)
	}
}

func (x *Exchange) start(ctx context.Context) (err error) {
	emb := x.cfg.Embedder
	if emb == nil {
		if emb, err = lexical.New(nil); err != nil {
			return err
		}
	}
	if x.matcher, err = match.New(matchEmbedder{emb}, x.matchOptions()); err != nil {
		return err
	}
	if x.keys = x.cfg.Keys; x.keys == nil {
		x.keys = ownKeys{x}
	}
	if x.engine, err = disclosure.New(sessionLog{x}, authorizer{x}, reserver{x}, &disclosure.Options{Retries: maxDecisions}); err != nil {
		return err
	}
	if x.st, err = x.replay(ctx); err != nil {
		return err
	}
	return x.reindex(ctx)
}

func (x *Exchange) matchOptions() *match.Options {
	return &match.Options{Weights: x.cfg.Weights, Index: x.cfg.Index}
}

// replay folds the whole log into a fresh state.
func (x *Exchange) replay(ctx context.Context) (*state, error) {
	st, err := newState(&x.cfg)
	if err != nil {
		return nil, err
	}
	for e, err := range x.log.Read(ctx, ledger.Query{}) {
		if err != nil {
			return nil, err
		}
		if err := st.apply(e); err != nil {
			return nil, err
		}
	}
	st.settle()
	return st, st.brokenRules()
}

// reindex brings the matcher, a cache, in line with the state. It is called
// with x.mu held or before the exchange is shared. When the embedder fails the
// offers stay marked and are indexed by a later call.
func (x *Exchange) reindex(ctx context.Context) error {
	slices.Sort(x.st.dirty)
	var add []match.Offer
	err := x.deciding(ctx, func(st *state) error {
		for _, id := range slices.Compact(st.dirty) {
			if o := st.offers[id]; o != nil && o.live && st.indexable(&o.offer, st.now) {
				add = append(add, o.offer)
			} else {
				x.matcher.Remove(id)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(add) > 0 {
		if err := x.matcher.Upsert(ctx, add...); err != nil {
			return fmt.Errorf("csss: index offers: %w", err)
		}
	}
	x.st.dirty = nil
	return nil
}

// Close releases the ledger. Steps in flight end first; later steps fail, and
// what is read from the state alone can still be read.
//
// Errors: the ledger's.
func (x *Exchange) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.broken = errors.New("csss: exchange is closed")
	return x.log.Close()
}

// command runs one command of the market: it finds an earlier run of the same
// command, decides on the current state, logs, folds.
func (x *Exchange) command(ctx context.Context, by By, name string, args any,
	decide func(st *state, at time.Time) ([]event, error)) (Receipt, error) {
	by = by.withDefaults()
	digest := commandDigest(name, []any{by.Firm, by.Person, args})
	x.mu.Lock()
	defer x.mu.Unlock()
	for range maxConflicts {
		if r, done, err := x.st.duplicate(by, digest); done {
			return r, err
		}
		at, err := x.st.stamp(by.At)
		if err != nil {
			return Receipt{}, err
		}
		var evs []event
		err = x.deciding(ctx, func(st *state) (err error) { evs, err = decide(st, at); return err })
		if err != nil {
			return Receipt{}, err
		}
		err = x.commit(ctx, by, digest, at, evs)
		if errors.Is(err, ledger.ErrConflict) {
			if err := x.catchUp(ctx); err != nil {
				return Receipt{}, err
			}
			continue
		}
		if err != nil {
			return Receipt{}, err
		}
		return Receipt{Command: by.ID, At: by.At}, nil
	}
	return Receipt{}, ledger.ErrConflict
}

// duplicate answers a command that was run before. One whose record was erased
// cannot be told from another command any more.
func (st *state) duplicate(by By, digest string) (Receipt, bool, error) {
	old, ok := st.commands[by.key()]
	switch {
	case !ok:
		return Receipt{}, false, nil
	case old.digest != digest:
		return Receipt{}, true, ErrKeyReused
	default:
		return Receipt{Command: by.ID, At: old.at, Duplicate: true}, true, nil
	}
}

// clamp gives a step its time: in UTC, as the log keeps it, and never before
// the last one.
func (st *state) clamp(at time.Time) time.Time {
	if at.IsZero() {
		at = time.Now()
	}
	return maxTime(at.UTC(), st.now)
}

// maxAhead is how far ahead of both the wall clock and the last step a step may
// claim to be. The market's clock never goes back: one step in the far future
// would end every session and window for good.
const maxAhead = 400 * 24 * time.Hour

// stamp is clamp for what is logged. The first step of all sets the clock.
func (st *state) stamp(at time.Time) (time.Time, error) {
	if !st.now.IsZero() && at.After(maxTime(st.now, time.Now()).Add(maxAhead)) {
		return at, &InputError{Field: "by.at", Value: at.UTC().Format(time.RFC3339), Limit: "must be at most 400 days ahead of the clock"}
	}
	return st.clamp(at), nil
}

// commit logs events and, once they are durable, folds them. A command that
// the log knows and the state does not, because another writer ran it, is a
// conflict: the caller catches up and finds it. x.mu is held.
func (x *Exchange) commit(ctx context.Context, by By, digest string, at time.Time, evs []event) error {
	key := by.key()
	evs = x.st.withKeys(evs)
	entries := make([]ledger.Append, len(evs))
	for i, ev := range evs {
		payload, err := encodeEvent(by.ID, digest, by.At, ev.body)
		if err != nil {
			return err
		}
		entries[i] = ledger.Append{
			Stream: ev.stream, Type: ev.body.kind(), Key: fmt.Sprintf("%s#%d", key, i),
			Expect: ev.expect, Subjects: ev.subjects, Time: at, Payload: payload,
		}
		if ev.fresh {
			entries[i].Expect = ledger.NoStream
		}
	}
	receipts, err := x.append(ctx, entries)
	if errors.Is(err, ledger.ErrKeyReused) || len(receipts) > 0 && receipts[0].Duplicate {
		return ledger.ErrConflict
	}
	return err
}

// append is the one place where entries reach the log: it appends the batch
// and folds it. An unknown outcome closes the exchange until it is reopened,
// because its state might lag behind what is durable. x.mu is held.
func (x *Exchange) append(ctx context.Context, entries []ledger.Append) ([]ledger.Receipt, error) {
	if x.broken != nil {
		return nil, x.broken
	}
	receipts, err := x.log.Append(ctx, entries...)
	if err != nil {
		if errors.Is(err, ledger.ErrUnknownOutcome) || errors.Is(err, ledger.ErrPoisoned) {
			x.broken = err
		}
		return nil, err
	}
	for i, r := range receipts {
		if r.Duplicate {
			continue
		}
		a := &entries[i]
		err := x.fold(ledger.Entry{Index: r.Index, StreamVersion: r.StreamVersion, Stream: a.Stream, Type: a.Type,
			Key: a.Key, Subjects: a.Subjects, Claimed: a.Time, Time: r.Time, Payload: a.Payload, Leaf: r.Leaf})
		if err != nil {
			return nil, err
		}
	}
	x.st.settle()
	x.tell(entries, receipts)
	x.cfg.Logger.DebugContext(ctx, "appended", slog.Int("entries", len(entries)), slog.Uint64("size", x.st.next))
	return receipts, nil
}

// tell reports a batch to the host's hook, once all of it is in the state: a
// hook that panics leaves nothing half done.
func (x *Exchange) tell(entries []ledger.Append, receipts []ledger.Receipt) {
	if x.cfg.Events == nil {
		return
	}
	for i, r := range receipts {
		if !r.Duplicate {
			x.cfg.Events(entries[i].Type)
		}
	}
}

// fold takes one durable entry into the state. An entry that cannot be folded
// closes the exchange, whose state would be less than the log. x.mu is held.
func (x *Exchange) fold(e ledger.Entry) error {
	err := x.st.apply(e)
	if err != nil {
		x.broken = err
	}
	return err
}

// catchUp folds what other writers appended. x.mu is held.
func (x *Exchange) catchUp(ctx context.Context) error {
	for e, err := range x.log.Read(ctx, ledger.Query{From: x.st.next}) {
		if err != nil {
			return err
		}
		if err := x.fold(e); err != nil {
			return err
		}
		x.st.settle()
		x.tell([]ledger.Append{{Type: e.Type}}, []ledger.Receipt{{}})
	}
	return nil
}
