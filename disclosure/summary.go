package disclosure

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"
)

// SummaryOptions tunes a [Summarizer].
type SummaryOptions struct {
	K           int     // employer groups that must fit a description; default 5
	KPeople     int     // the same for a person's expertise; default 11
	AllowUnsafe bool    // permits K or KPeople of 2, and a consented k′ of 2; default no
	L           int     // values that a Sensitive field which no summary tells of must have among what fits; default 1
	LocalKM     float64 // radius within which a freeze first tries to find the groups; default 60
}

// A Summarizer builds anonymous summaries over a population of listings: one
// for offers, another for needs. Put every listing that could be meant, shown
// or not, because k counts them. It may be used by many goroutines at once.
//
// k counts distinct employer groups, never listings, and is a promise against
// the registered population only: what a reader knows from elsewhere can still
// single a firm out.
//
// Looking changes nothing: a freeze, a view and a consented summary return what
// they settled as [Frozen] values, and count only once the host has logged
// those and handed them to [Summarizer.Install]. What is shown is a function of
// the listings, of what is installed, and of the time asked about.
type Summarizer struct {
	schema Schema
	opt    SummaryOptions

	mu       sync.Mutex
	slots    []*entry            // nil where free
	groupOf  []int32             // slot → number of its employer group; beside slots, for counting
	free     []int               // free slots
	byID     map[string]int      // listing → slot
	groups   map[string]int      // employer group → number, from 0
	labels   map[labelKey]bitmap // as of now
	now      time.Time           // the time last asked about
	dated    bitmap              // listings with facts that hold for a time
	facts    int                 // how many such facts
	from     time.Time           // labels hold from here on …
	edges    edges               // … and before the first of these
	people   peers               // listings of persons
	things   peers               // the others
	points   []point             // slot → site
	sites    sites               // the slots that have one
	remote   bitmap              // listings of work that can be done remotely
	regions  map[string]bitmap   // as shown → listings
	lands    map[string]bitmap   // provinces and countries, likewise
	kinds    map[string]bitmap   // categories
	frozen   map[frozenKey]Frozen
	consents map[string]Frozen
	marks    []uint32 // group number → epoch of its last count
	epoch    uint32
	near     bitmap // scratch of finest
	walk     walk   // scratch of finest
}

// peers are the listings that could be taken for each other, and their groups.
type peers struct {
	members bitmap
	size    int
	byGroup map[int]int // group number → its listings here
}

type entry struct {
	Listing
	group int
}

type labelKey struct {
	field, level int
	label        string
}

type frozenKey struct {
	listing  string
	revision int
	group    string
}

// keyOf is where a frozen value is kept: a text for its revision, a place shown
// to a group for all of them.
func keyOf(listing string, revision int, group string) frozenKey {
	if group != "" {
		revision = 0
	}
	return frozenKey{listing, revision, group}
}

// NewSummarizer checks the schema and the options. It returns an error
// wrapping [ErrSchema], for instance for a direct identifier or free text in
// the allow-list, or a [*FieldError]: k below 3 needs AllowUnsafe, and below
// 2 is refused always. It keeps the schema.
func NewSummarizer(schema Schema, o *SummaryOptions) (*Summarizer, error) {
	if o == nil {
		o = &SummaryOptions{}
	}
	opt := *o
	opt.K, opt.KPeople, opt.LocalKM = cmp.Or(opt.K, 5), cmp.Or(opt.KPeople, 11), cmp.Or(opt.LocalKM, 60)
	opt.L = cmp.Or(opt.L, 1)
	if err := schema.check(); err != nil {
		return nil, err
	}
	if !safeK(opt.K, opt.AllowUnsafe) || !safeK(opt.KPeople, opt.AllowUnsafe) {
		return nil, &FieldError{Field: "SummaryOptions.K", Want: "3 or more, or 2 with AllowUnsafe"}
	}
	if opt.L < 1 {
		return nil, &FieldError{Field: "SummaryOptions.L", Want: "1 or more"}
	}
	if !(opt.LocalKM > 0) {
		return nil, &FieldError{Field: "SummaryOptions.LocalKM", Want: "above 0"}
	}
	return &Summarizer{schema: slices.Clone(schema), opt: opt, byID: map[string]int{}, groups: map[string]int{},
		labels: map[labelKey]bitmap{}, frozen: map[frozenKey]Frozen{}, consents: map[string]Frozen{},
		people: peers{byGroup: map[int]int{}}, things: peers{byGroup: map[int]int{}}, sites: newSites(opt.LocalKM),
		regions: map[string]bitmap{}, lands: map[string]bitmap{}, kinds: map[string]bitmap{}}, nil
}

func safeK(k int, unsafe bool) bool { return k >= 3 || k == 2 && unsafe }

// K returns the number of employer groups that a summary of l needs.
func (s *Summarizer) K(l Listing) int {
	if l.Person {
		return s.opt.KPeople
	}
	return s.opt.K
}

// TooRareError is for the owner of the listing alone.
type TooRareError struct {
	Field string // the field whose hiding gains most groups; "" when no field helps
	K     int    // groups that fit everything that could be shown
	Need  int    // groups needed
}

func (e *TooRareError) Error() string {
	return fmt.Sprintf("%v: %d of %d, costliest field %s", ErrTooRare, e.K, e.Need, e.Field)
}

// Unwrap returns [ErrTooRare].
func (e *TooRareError) Unwrap() error { return ErrTooRare }

// Risk tells the owner what a summary costs. It must not be shown to anybody else.
type Risk struct {
	K          int      `json:"k"`                    // groups that fit the text
	Prosecutor float64  `json:"prosecutor"`           // 1/K: the chance of an even guess among them
	L          int      `json:"l,omitempty"`          // fewest values that a Sensitive field which the text hides has among what fits; 0 = no such field
	Suppressed []string `json:"suppressed,omitempty"` // fields of the listing that the text leaves out
	Coarsened  []string `json:"coarsened,omitempty"`  // fields that it shows less fully or less finely
	Costliest  string   `json:"costliest,omitempty"`  // the field whose hiding gains most groups
	FullK      int      `json:"full_k"`               // k′: groups that fit everything that could be shown
}

// Summary is the frozen, viewer-independent text of a listing revision.
type Summary struct {
	Labels []string `json:"labels"`
	Text   string   `json:"text"`   // the labels, joined by ", "
	Frozen Frozen   `json:"frozen"` // the memory of it
	News   bool     `json:"news"`   // Frozen is not installed yet: to be logged, then installed
}

// FieldChoice is what a text says of one field.
type FieldChoice struct {
	Field  string   `json:"field"`
	Level  int      `json:"level"`
	Terms  []string `json:"terms,omitempty"` // of the listing, the ones described
	Labels []string `json:"labels"`
}

// Frozen is the memory of a freeze, as plain data for the host's log: of the
// text if Group is empty, of the place shown to one employer group if not, of
// a consented summary if Consent is set.
type Frozen struct {
	Listing   string        `json:"listing"`
	Revision  int           `json:"revision"`
	Group     string        `json:"group,omitempty"`
	Fields    []FieldChoice `json:"fields,omitempty"`
	Withdrawn bool          `json:"withdrawn,omitempty"` // fell below k: nothing is shown any more
	Rung      int           `json:"rung,omitempty"`      // place: index into the ladder of places
	Remote    bool          `json:"remote,omitempty"`    // place: remote work was mentioned
	Lat       float64       `json:"lat,omitempty"`       // place: the viewer's site at the first view
	Lon       float64       `json:"lon,omitempty"`
	Consent   string        `json:"consent,omitempty"`
	K         int           `json:"k"` // groups counted then
	Shown     *Shown        `json:"shown,omitempty"`
}

// Put adds a listing, or replaces the one with its ID. It keeps l's maps.
// It costs some microseconds. All in all a summarizer holds one bit per listing
// and label in use, and under two kilobytes per listing beside its facts.
func (s *Summarizer) Put(l Listing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(l.ID)
	slot := len(s.slots)
	if n := len(s.free); n > 0 {
		slot, s.free = s.free[n-1], s.free[:n-1]
	} else {
		s.slots, s.groupOf = append(s.slots, nil), append(s.groupOf, 0)
	}
	group, ok := s.groups[l.Group]
	if !ok {
		group = len(s.groups)
		s.groups[l.Group] = group
		s.marks = append(s.marks, 0)
	}
	s.slots[slot], s.groupOf[slot], s.byID[l.ID] = &entry{l, group}, int32(group), slot
	s.locate(slot, l)
	if len(l.Dated) > 0 {
		s.dated = s.dated.with(slot)
		s.facts += len(l.Dated)
		if len(s.edges) > 4*s.facts+1024 {
			s.rewatch()
		} else {
			s.watch(slot, l)
		}
	}
	in := s.peersOf(l)
	in.members = in.members.with(slot)
	in.byGroup[group]++
	in.size++
	s.eachLabel(l, func(k labelKey) { s.labels[k] = s.labels[k].with(slot) })
}

// locate enters a listing by where and what it is.
func (s *Summarizer) locate(slot int, l Listing) {
	for len(s.points) <= slot {
		s.points = append(s.points, point{})
	}
	s.points[slot] = point{}
	if l.sited() {
		s.points[slot] = pointOf(l.Lat, l.Lon)
		s.sites.add(slot, s.points[slot])
	}
	if l.Remote {
		s.remote = s.remote.with(slot)
	}
	s.regions[l.Region] = s.regions[l.Region].with(slot)
	s.lands[l.Country] = s.lands[l.Country].with(slot)
	s.kinds[l.Category] = s.kinds[l.Category].with(slot)
}

func (l *Listing) sited() bool { return l.Lat != 0 || l.Lon != 0 }

// Remove takes a listing out of the population. What was frozen of it stays
// remembered, so that it cannot come back finer under the same revision.
func (s *Summarizer) Remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(id)
}

func (s *Summarizer) remove(id string) {
	slot, ok := s.byID[id]
	if !ok {
		return
	}
	s.eachLabel(s.slots[slot].Listing, func(k labelKey) { s.labels[k].without(slot) })
	x := s.slots[slot]
	if x.sited() {
		s.sites.remove(slot, s.points[slot])
	}
	s.remote.without(slot)
	s.regions[x.Region].without(slot)
	s.lands[x.Country].without(slot)
	s.kinds[x.Category].without(slot)
	s.dated.without(slot)
	s.facts -= len(x.Dated)
	in := s.peersOf(x.Listing)
	in.members.without(slot)
	in.size--
	if in.byGroup[x.group]--; in.byGroup[x.group] == 0 {
		delete(in.byGroup, x.group)
	}
	s.slots[slot] = nil
	s.free = append(s.free, slot)
	delete(s.byID, id)
}

// eachLabel calls f for every label the listing bears.
func (s *Summarizer) eachLabel(l Listing, f func(labelKey)) {
	for i, field := range s.schema {
		for j := range field.Levels {
			for _, label := range labelsOf(field, j, s.termsOf(l, field), l.Numbers) {
				f(labelKey{i, j, label})
			}
		}
	}
}

// termsOf returns what a listing says of a field now.
func (s *Summarizer) termsOf(l Listing, f Field) []string {
	if f.Name == "category" && l.Category != "" {
		return []string{l.Category}
	}
	terms := slices.Clip(l.Facts[f.Name])
	for _, d := range l.Dated {
		if d.Field == f.Name && d.holds(s.now) && !slices.Contains(terms, d.Term) {
			terms = append(terms, d.Term)
		}
	}
	return terms
}

// labelsOf returns the distinct labels of terms, or of the field's number, in order.
func labelsOf(f Field, level int, terms []string, numbers map[string]float64) []string {
	l := f.Levels[level]
	if l.Exact != "" || l.Bounds != nil {
		v, ok := numbers[f.Name]
		if label := l.number(v); ok && label != "" {
			return []string{label}
		}
		return nil
	}
	var out []string
	for _, t := range terms {
		if label := l.term(t); label != "" && !slices.Contains(out, label) {
			out = append(out, label)
		}
	}
	return out
}

// countGroups counts the distinct employer groups in b, but for one.
func (s *Summarizer) countGroups(b bitmap, except int) int { return s.countTo(b, except, math.MaxInt) }

// enough reports whether b holds k distinct employer groups, but for one. It
// looks no farther than it must.
func (s *Summarizer) enough(b bitmap, except, k int) bool { return s.countTo(b, except, k) >= k }

func (s *Summarizer) countTo(b bitmap, except, limit int) int {
	s.epoch++
	if s.epoch == 0 { // marks of four billion counts ago look new
		clear(s.marks)
		s.epoch = 1
	}
	n := 0
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			g := int(s.groupOf[i*64+bits.TrailingZeros64(w)])
			if g == except || s.marks[g] == s.epoch {
				continue
			}
			s.marks[g] = s.epoch
			if n++; n >= limit {
				return n
			}
		}
	}
	return n
}

const nobody = -1

// peersOf returns the listings of the same sort: a reader knows whether a
// person or a thing is offered.
func (s *Summarizer) peersOf(l Listing) *peers {
	if l.Person {
		return &s.people
	}
	return &s.things
}

// class returns the listings of l's sort that fit a text.
func (s *Summarizer) class(l Listing, fields []FieldChoice) bitmap {
	b := slices.Clone(s.peersOf(l).members)
	for _, c := range fields {
		i := slices.IndexFunc(s.schema, func(f Field) bool { return f.Name == c.Field })
		for _, label := range c.Labels {
			b = and(b, b, s.labels[labelKey{i, c.Level, label}])
		}
	}
	return b
}

// Freeze settles the text of the listing's present revision: the least
// generalised one that at least k employer groups fit. The groups are sought
// first within LocalKM of the listing's site, so that a useful distance can be
// shown beside the text; if no text can be had there, in its region; then
// everywhere. The viewer plays no part in it. Only facts that hold at now are
// said and counted.
//
// Once installed, the text of a revision stays while it is true of the listing
// and has k groups; then it becomes a coarser one, and in the end none, for
// good. A new revision is frozen anew and may be finer. The least cost is found
// exactly by branch and bound over the fields' options, greedily beyond 10,000
// of them; it takes well under a millisecond for 100,000 listings.
//
// The errors are [ErrNotFound] and [*TooRareError], both for the owner alone.
// The summary beside a [*TooRareError] has no text; its Frozen is news when an
// installed text is withdrawn by it.
func (s *Summarizer) Freeze(id string, now time.Time) (Summary, Risk, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turnTo(now)
	l, ok := s.listing(id)
	if !ok {
		return Summary{}, Risk{}, ErrNotFound
	}
	f, news := s.settle(l)
	risk := s.risk(l)
	if f.Withdrawn {
		return Summary{Frozen: f, News: news}, risk, s.tooRare(risk, s.K(l))
	}
	labels := textOf(f.Fields)
	return Summary{Labels: labels, Text: strings.Join(labels, ", "), Frozen: f, News: news}, s.weigh(risk, l, f), nil
}

// settle returns the text of a listing as it has to be now, and whether that
// is not installed yet. A listing that never had a text is merely too rare so
// far: that is no news.
func (s *Summarizer) settle(l Listing) (f Frozen, news bool) {
	was, again := s.frozen[frozenKey{l.ID, l.Revision, ""}]
	if again && (was.Withdrawn || s.stands(l, was.Fields)) {
		return was, false
	}
	options := s.options(l)
	if again {
		options = s.optionsUnder(l, was.Fields)
	}
	f = Frozen{Listing: l.ID, Revision: l.Revision, Fields: s.finest(l, options, s.K(l), nobody)}
	if f.Withdrawn = f.Fields == nil; !f.Withdrawn {
		f.K = s.countGroups(s.class(l, f.Fields), nobody)
	}
	return f, again || !f.Withdrawn
}

// stands reports whether a text is still true of its listing and has k groups.
func (s *Summarizer) stands(l Listing, fields []FieldChoice) bool {
	class := s.class(l, fields)
	return class.has(s.byID[l.ID]) && s.enough(class, nobody, s.K(l)) && s.diverse(class)
}

func (s *Summarizer) listing(id string) (Listing, bool) {
	slot, ok := s.byID[id]
	if !ok {
		return Listing{}, false
	}
	return s.slots[slot].Listing, true
}

func (s *Summarizer) tooRare(r Risk, k int) error {
	return &TooRareError{Field: r.Costliest, K: r.FullK, Need: k}
}

func textOf(fields []FieldChoice) []string {
	var labels []string
	for _, c := range fields {
		labels = append(labels, c.Labels...)
	}
	return labels
}

// risk looks at the fullest text of a listing: how many groups fit it, and
// which field, if hidden, would gain most.
func (s *Summarizer) risk(l Listing) Risk {
	var full []FieldChoice
	for _, o := range s.options(l) {
		full = append(full, o.choices[0])
	}
	r := Risk{FullK: s.countGroups(s.class(l, full), nobody)}
	type without struct {
		field string
		class bitmap
		size  int
	}
	var less []without
	for i, c := range full {
		class := s.class(l, slices.Delete(slices.Clone(full), i, i+1))
		less = append(less, without{c.Field, class, class.count()})
	}
	slices.SortStableFunc(less, func(a, b without) int { return cmp.Compare(b.size, a.size) })
	best, at := r.FullK, len(full)
	for _, w := range less {
		if w.size < best {
			break // fewer listings than the best has groups
		}
		i := slices.IndexFunc(full, func(c FieldChoice) bool { return c.Field == w.field })
		if n := s.groupsIn(w.class, w.size, l); n > best || n == best && i < at && at < len(full) {
			best, at, r.Costliest = n, i, w.field
		}
	}
	return r
}

// groupsIn counts the groups of a class of so many listings; of everything, it
// is known.
func (s *Summarizer) groupsIn(class bitmap, size int, l Listing) int {
	if all := s.peersOf(l); size == all.size {
		return len(all.byGroup)
	}
	return s.countGroups(class, nobody)
}

// weigh completes the risk for a text.
func (s *Summarizer) weigh(r Risk, l Listing, f Frozen) Risk {
	class := s.class(l, f.Fields)
	r.K = s.countGroups(class, nobody)
	r.Prosecutor, r.L = 1/float64(max(r.K, 1)), s.diversity(class, f.Fields)
	for _, o := range s.options(l) {
		full := o.choices[0]
		i := slices.IndexFunc(f.Fields, func(c FieldChoice) bool { return c.Field == full.Field })
		switch {
		case i < 0:
			r.Suppressed = append(r.Suppressed, full.Field)
		case f.Fields[i].Level != full.Level || !slices.Equal(f.Fields[i].Labels, full.Labels):
			r.Coarsened = append(r.Coarsened, full.Field)
		}
	}
	return r
}

// Frozen returns what is installed: the text of the listing's present revision
// for an empty group, the place shown to a group if not.
func (s *Summarizer) Frozen(id, group string) (Frozen, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.listing(id)
	if !ok {
		return Frozen{}, false
	}
	f, ok := s.frozen[keyOf(id, l.Revision, group)]
	return f, ok
}

// Consented returns what is installed of the summary shown under a consent.
func (s *Summarizer) Consented(consentEntry string) (Frozen, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.consents[consentEntry]
	return f, ok
}

// Memory returns all that is installed, in a fixed order. It costs a copy and
// a sort.
func (s *Summarizer) Memory() []Frozen {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.AppendSeq(slices.Collect(maps.Values(s.frozen)), maps.Values(s.consents))
	slices.SortFunc(out, func(a, b Frozen) int {
		return cmp.Or(cmp.Compare(a.Listing, b.Listing), cmp.Compare(a.Revision, b.Revision),
			cmp.Compare(a.Group, b.Group), cmp.Compare(a.Consent, b.Consent))
	})
	return out
}

// Install makes what was frozen count, once it is logged, or again after a
// restart; the latest of a kind counts, so the host installs in the log's order.
// The listing need not be there yet. It returns a [*FieldError] if the frozen
// value does not fit the schema.
func (s *Summarizer) Install(f Frozen) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range f.Fields {
		i := slices.IndexFunc(s.schema, func(x Field) bool { return x.Name == c.Field })
		if i < 0 || c.Level < 0 || c.Level >= len(s.schema[i].Levels) || len(c.Labels) == 0 {
			return &FieldError{Field: "Frozen.Fields", Want: "fields and levels of the schema"}
		}
	}
	switch {
	case f.Listing == "" || f.Rung < 0 || f.Rung > rungNothing || f.Consent != "" && f.Shown == nil:
		return &FieldError{Field: "Frozen", Want: "as a summarizer returned it"}
	case f.Consent != "":
		s.consents[f.Consent] = f
	default:
		s.frozen[keyOf(f.Listing, f.Revision, f.Group)] = f
	}
	return nil
}
