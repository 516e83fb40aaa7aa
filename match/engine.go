package match

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
)

// An Embedder turns text into vectors of one length, one per text and in their
// order. It must be safe for concurrent use.
type Embedder interface {
	EmbedQueries(ctx context.Context, texts []string) ([][]float32, error)
	EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error)
	// ModelID names the vector space. Vectors of two models are never mixed:
	// a matcher has one embedder for its whole life.
	ModelID() string
}

// Options tune a [Matcher]. Nil is the default.
type Options struct {
	// Index holds the vectors; it must be empty and belongs to the matcher.
	// Default: [NewGraph].
	Index VectorIndex
	// Weights of the score's parts. Default: [DefaultWeights].
	Weights *Weights
	// Depth is how many of the feasible offers the ranking looks at from each
	// of the dense and the lexical side; if no more are feasible it looks at
	// all of them. Default: 1000.
	Depth int
}

// A Matcher holds offers and answers needs. It is safe for concurrent use: a
// search sees every Upsert and Remove that returned before it began. An offer
// that changes during a search is answered as it was or left out.
type Matcher struct {
	embedder Embedder
	index    VectorIndex
	weights  Weights
	depth    int

	tallies sync.Pool
	zones   sync.Map   // string → *time.Location; the database is read once per zone
	writing sync.Mutex // serialises writers; mu is held only to swap

	mu         sync.RWMutex
	rows       map[uint32]*row
	ids        map[string]uint32
	free       []uint32
	next       uint32
	lexicon    *lexicon
	all        *roaring.Bitmap
	byKind     map[Kind]*roaring.Bitmap
	byCategory map[string]*roaring.Bitmap // every ancestor, too
}

// A row is an offer as the matcher holds it; it never changes.
type row struct {
	offer  *Offer
	cal    *calendar
	tokens []string
}

// New returns an empty matcher. Without an embedder (nil) it ranks by BM25 and
// the facts alone. It returns a *[FieldError] for an unusable option.
func New(e Embedder, o *Options) (*Matcher, error) {
	m := &Matcher{
		embedder: e, weights: DefaultWeights(), depth: 1000,
		rows: map[uint32]*row{}, ids: map[string]uint32{}, lexicon: newLexicon(), all: roaring.New(),
		byKind: map[Kind]*roaring.Bitmap{}, byCategory: map[string]*roaring.Bitmap{},
	}
	m.tallies.New = func() any { return new(tally) }
	if o == nil {
		o = &Options{}
	}
	if m.index = o.Index; m.index == nil {
		m.index = NewGraph()
	}
	if o.Weights != nil {
		m.weights = *o.Weights
	}
	if err := m.weights.validate(); err != nil {
		return nil, err
	}
	switch {
	case o.Depth < 0:
		return nil, fieldErr("depth", o.Depth, "0 or more")
	case o.Depth > 0:
		m.depth = o.Depth
	}
	return m, nil
}

// Upsert adds offers or replaces those of equal ID, all or none. It embeds
// their texts in one call. The matcher keeps deep copies.
//
// It returns a *[FieldError] naming the offer by its place in the call, an
// error of the embedder, one wrapping [ErrEmbedding], or one of the index.
func (m *Matcher) Upsert(ctx context.Context, offers ...Offer) error {
	rows := make([]*row, len(offers))
	seen := map[string]bool{}
	for i := range offers {
		field := fmt.Sprintf("offers[%d]", i)
		cal, err := compileOffer(&offers[i], m.zone)
		if err != nil {
			return under(field, err)
		}
		if seen[offers[i].ID] {
			return fieldErr(field+".id", "a duplicate", "each offer once")
		}
		seen[offers[i].ID] = true
		own := offers[i].clone()
		rows[i] = &row{offer: own, cal: cal, tokens: Tokens(offerText(own))}
	}
	vecs, err := m.embedOffers(ctx, rows)
	if err != nil || len(rows) == 0 {
		return err
	}
	m.writing.Lock()
	defer m.writing.Unlock()
	ids := m.reserve(rows)
	if vecs != nil {
		if err := m.index.Upsert(ids, vecs); err != nil {
			return fmt.Errorf("match: index: %w", err)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, r := range rows {
		m.put(ids[i], r)
	}
	return nil
}

// zone is loadZone with a memory; it remembers only zones that exist.
func (m *Matcher) zone(field, name string) (*time.Location, error) {
	if loc, ok := m.zones.Load(name); ok {
		return loc.(*time.Location), nil
	}
	loc, err := loadZone(field, name)
	if err == nil {
		m.zones.Store(name, loc)
	}
	return loc, err
}

func (m *Matcher) embedOffers(ctx context.Context, rows []*row) ([][]float32, error) {
	if m.embedder == nil || len(rows) == 0 {
		return nil, ctx.Err()
	}
	texts := make([]string, len(rows))
	for i, r := range rows {
		texts[i] = offerText(r.offer)
	}
	vecs, err := m.embedder.EmbedDocuments(ctx, texts)
	if err != nil {
		return nil, fmt.Errorf("match: embed offers: %w", err)
	}
	if len(vecs) != len(texts) {
		return nil, fmt.Errorf("%w: %d vectors for %d texts", ErrEmbedding, len(vecs), len(texts))
	}
	return vecs, nil
}

// reserve returns row numbers for rows without publishing them.
func (m *Matcher) reserve(rows []*row) []uint32 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	ids := make([]uint32, len(rows))
	free, next := m.free, m.next
	for i, r := range rows {
		id, ok := m.ids[r.offer.ID]
		switch {
		case ok:
		case len(free) > 0:
			id, free = free[len(free)-1], free[:len(free)-1]
		default:
			id, next = next, next+1
		}
		ids[i] = id
	}
	return ids
}

// put publishes a row under a reserved number.
func (m *Matcher) put(id uint32, r *row) {
	if m.rows[id] != nil {
		m.drop(id)
	} else if n := len(m.free); n > 0 && m.free[n-1] == id {
		m.free = m.free[:n-1]
	} else {
		m.next = max(m.next, id+1)
	}
	m.rows[id], m.ids[r.offer.ID] = r, id
	m.lexicon.add(id, r.tokens)
	m.all.Add(id)
	bitmapOf(m.byKind, r.offer.Kind).Add(id)
	for c := range ancestors(r.offer.Category) {
		bitmapOf(m.byCategory, c).Add(id)
	}
}

// drop takes a row out of everything but the vectors.
func (m *Matcher) drop(id uint32) {
	r := m.rows[id]
	delete(m.rows, id)
	delete(m.ids, r.offer.ID)
	m.lexicon.remove(id, r.tokens)
	m.all.Remove(id)
	clearBit(m.byKind, r.offer.Kind, id)
	for c := range ancestors(r.offer.Category) {
		clearBit(m.byCategory, c, id)
	}
}

func bitmapOf[K comparable](bitmaps map[K]*roaring.Bitmap, key K) *roaring.Bitmap {
	b := bitmaps[key]
	if b == nil {
		b = roaring.New()
		bitmaps[key] = b
	}
	return b
}

func clearBit[K comparable](bitmaps map[K]*roaring.Bitmap, key K, id uint32) {
	if b := bitmaps[key]; b != nil {
		b.Remove(id)
		if b.IsEmpty() {
			delete(bitmaps, key)
		}
	}
}

// ancestors yields a category and all categories that cover it.
func ancestors(category string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for i := range len(category) + 1 {
			if (i == len(category) || category[i] == '.') && !yield(category[:i]) {
				return
			}
		}
	}
}

// Remove takes an offer out and reports whether it was there.
func (m *Matcher) Remove(id string) bool {
	m.writing.Lock()
	defer m.writing.Unlock()
	m.mu.Lock()
	n, ok := m.ids[id]
	if ok {
		m.drop(n)
	}
	m.mu.Unlock()
	if !ok {
		return false
	}
	// A row without a vector is free again even if the index fails to forget
	// it: hits are looked up among the rows, and an upsert replaces the vector.
	_ = m.index.Delete(n)
	m.mu.Lock()
	m.free = append(m.free, n)
	m.mu.Unlock()
	return true
}

// Offer returns an offer by its ID. The caller must not change it.
func (m *Matcher) Offer(id string) (*Offer, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n, ok := m.ids[id]
	if !ok {
		return nil, false
	}
	return m.rows[n].offer, true
}

// Len returns the number of offers.
func (m *Matcher) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.rows)
}

// ModelID returns the embedder's, or "" without an embedder.
func (m *Matcher) ModelID() string {
	if m.embedder == nil {
		return ""
	}
	return m.embedder.ModelID()
}

// clone copies an offer deeply.
func (o Offer) clone() *Offer {
	o.Topics = slices.Clone(o.Topics)
	o.Properties = maps.Clone(o.Properties)
	for k, p := range o.Properties {
		o.Properties[k] = p.clone()
	}
	o.Credentials = slices.Clone(o.Credentials)
	o.Evidence = slices.Clone(o.Evidence)
	for i := range o.Evidence {
		o.Evidence[i].Terms = slices.Clone(o.Evidence[i].Terms)
	}
	o.Windows = slices.Clone(o.Windows)
	for i := range o.Windows {
		o.Windows[i].Except = slices.Clone(o.Windows[i].Except)
	}
	o.Sectors = slices.Clone(o.Sectors)
	o.Exclude.NAICS = slices.Clone(o.Exclude.NAICS)
	o.Exclude.Sectors = slices.Clone(o.Exclude.Sectors)
	o.Exclude.Groups = slices.Clone(o.Exclude.Groups)
	return &o
}

func (p Property) clone() Property {
	p.Terms = slices.Clone(p.Terms)
	if p.Min != nil {
		p.Min = new(*p.Min)
	}
	if p.Max != nil {
		p.Max = new(*p.Max)
	}
	return p
}

// offerText is what an offer is found by: its text and its vocabulary.
func offerText(o *Offer) string {
	parts := append([]string{o.Text}, o.Topics...)
	for _, name := range slices.Sorted(maps.Keys(o.Properties)) {
		parts = append(parts, o.Properties[name].Terms...)
	}
	for _, e := range o.Evidence {
		parts = append(parts, e.Terms...)
	}
	return join(parts)
}

// needText is what a need is looked up with.
func needText(n *Need) string {
	parts := append([]string{n.Text}, n.Topics...)
	for _, r := range n.Requires {
		parts = append(parts, r.Terms...)
	}
	return join(parts)
}

// join writes vocabulary terms as words: nickel_alloys becomes nickel alloys.
func join(parts []string) string {
	words := parts[:1:1]
	for _, p := range parts[1:] {
		words = append(words, strings.ReplaceAll(p, "_", " "))
	}
	return strings.Join(words, "\n")
}

// A Query asks for the candidates of one need.
type Query struct {
	Need *Need     // required
	K    int       // most candidates wanted; default 10
	Now  time.Time // nothing is planned before it
	Book *Book     // current holds; nil = none. It must not change during the search
	// Admit is asked once for each offer that passed every gate, before
	// anything is ranked or cut: the residual of both employers' rules, frozen
	// answers, budgets. False drops the offer as if it did not exist. It must
	// not change the offer or the plan, and may use the matcher. nil = all.
	Admit func(o *Offer, p *Plan) bool
	// Median returns the comparables' median of a category; without one the
	// price gate compares only the bounds and no price is agreed. nil = none.
	Median func(category string) (cents int64, ok bool)
	// WantRejected asks for [Result.Rejected], which costs memory per offer of
	// the need's kind and category.
	WantRejected bool
}

// A Candidate is an offer that passed every gate in both directions.
type Candidate struct {
	Offer     string      `json:"offer"`
	Revision  int         `json:"revision"`
	Score     Score       `json:"score"`
	Tier      Tier        `json:"tier"`
	Rationale []string    `json:"rationale"` // safe for both sides: the gates that the need set
	Support   []string    `json:"-"`         // for the engine alone: what else speaks for the offer, beyond any gate
	Plan      Plan        `json:"plan"`
	Price     AgreedPrice `json:"price"`
	Mode      Mode        `json:"mode"` // how the work can be done
	// DistanceKM is between the sites, +Inf if one is unknown. It is for the
	// engine alone: across a border only a band of it may be shown.
	DistanceKM float64 `json:"-"`
}

// A Rejection is an offer of the need's kind and category that failed gates,
// with the results of all gates. It is for the own sides, see [GateResult].
type Rejection struct {
	Offer string       `json:"offer"`
	Gates []GateResult `json:"gates"`
}

// A Result answers a [Query].
type Result struct {
	Candidates []Candidate `json:"candidates"` // best first
	Rejected   []Rejection `json:"rejected,omitempty"`
	Feasible   int         `json:"feasible"` // offers that passed every gate and Admit, before the cut to K
}

// Search returns the best candidates for a need.
//
// Every offer of the need's kind and category goes through the gates, then
// through q.Admit; only what is left is ranked. So a feasible offer is never
// lost to a cut among infeasible ones. Equal markets, books and queries give
// equal results; ties are broken by a hash of the offer's ID.
//
// It costs about one plan per offer of the kind and category, one embedding,
// and a search of both indexes restricted to the feasible offers. It returns a
// *[FieldError] for an unusable query, ctx's error if ctx ends first, an error
// of the embedder or of the index, or one wrapping [ErrEmbedding].
func (m *Matcher) Search(ctx context.Context, q *Query) (*Result, error) {
	if q == nil || q.Need == nil {
		return nil, fieldErr("need", "missing", "a need")
	}
	if q.K < 0 {
		return nil, fieldErr("k", q.K, "0 or more")
	}
	d, err := compileNeed(q.Need)
	if err != nil {
		return nil, under("need", err)
	}
	text := needText(q.Need)
	vec, err := m.embedQuery(ctx, text)
	if err != nil {
		return nil, err
	}
	res := &Result{}
	feasible, err := m.feasible(ctx, q, d, res)
	if err != nil {
		return nil, err
	}
	res.Feasible = len(feasible)
	rel, err := m.relevance(text, vec, feasible)
	if err != nil {
		return nil, err
	}
	for _, r := range rel {
		i, _ := slices.BinarySearchFunc(feasible, r.row, func(f fit, row uint32) int { return cmp.Compare(f.id, row) })
		res.Candidates = append(res.Candidates, m.candidate(q, feasible[i], r))
	}
	sortCandidates(res.Candidates)
	k := cmp.Or(q.K, 10)
	res.Candidates = res.Candidates[:min(k, len(res.Candidates))]
	return res, nil
}

// A fit is an eligible offer and, once it passed every gate, its plan.
type fit struct {
	id   uint32
	row  *row
	pair *pair
	plan Plan
}

// feasible runs the gates over the eligible rows, in their order, without
// holding a lock.
func (m *Matcher) feasible(ctx context.Context, q *Query, d *demand, res *Result) ([]fit, error) {
	var out []fit
	env := GateEnv{Now: q.Now, Book: q.Book, Median: q.Median}
	if env.Book == nil {
		env.Book = NewBook()
	}
	for i, e := range m.eligible(q.Need) {
		if i%256 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		p := &pair{n: q.Need, d: d, o: e.row.offer, c: e.row.cal, env: env}
		if results := p.check(); slices.ContainsFunc(results, func(r GateResult) bool { return !r.Passed }) {
			if q.WantRejected {
				res.Rejected = append(res.Rejected, Rejection{p.o.ID, results})
			}
			continue
		}
		plan, err := p.plan()
		if err != nil {
			continue // gate quantity made the same plan
		}
		if q.Admit != nil && !q.Admit(p.o, &plan) {
			continue
		}
		out = append(out, fit{e.id, e.row, p, plan})
	}
	slices.SortFunc(res.Rejected, func(a, b Rejection) int { return cmp.Compare(a.Offer, b.Offer) })
	return out, nil
}

// eligible returns the rows of the need's kind and category.
func (m *Matcher) eligible(n *Need) []fit {
	m.mu.RLock()
	defer m.mu.RUnlock()
	kinds := roaring.New()
	for k, b := range m.byKind {
		if k.Serves(n.Kind) {
			kinds.Or(b)
		}
	}
	if b := m.byCategory[n.Category]; b != nil {
		kinds.And(b)
	} else {
		kinds.Clear()
	}
	out := make([]fit, 0, kinds.GetCardinality())
	for _, id := range kinds.ToArray() {
		out = append(out, fit{id: id, row: m.rows[id]})
	}
	return out
}

func (m *Matcher) embedQuery(ctx context.Context, text string) ([]float32, error) {
	if m.embedder == nil {
		return nil, ctx.Err()
	}
	vecs, err := m.embedder.EmbedQueries(ctx, []string{text})
	if err != nil {
		return nil, fmt.Errorf("match: embed need: %w", err)
	}
	if len(vecs) != 1 {
		return nil, fmt.Errorf("%w: %d vectors for one text", ErrEmbedding, len(vecs))
	}
	return vecs[0], nil
}

func sortCandidates(c []Candidate) {
	slices.SortFunc(c, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(b.Score.Total, a.Score.Total), compareIDs(a.Offer, b.Offer))
	})
}

// compareIDs orders IDs by a hash, so that a name gives no lasting advantage
// in ties.
func compareIDs(a, b string) int {
	return cmp.Or(cmp.Compare(hashID(a), hashID(b)), cmp.Compare(a, b))
}

func hashID(id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return h.Sum64()
}
