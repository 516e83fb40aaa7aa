package policy

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ReplayReport is what a replay found.
type ReplayReport struct {
	Records   int `json:"records"`
	Decisions int `json:"decisions"` // decided again, the same or not
	Filters   int `json:"filters"`   // made again, the same or not
	Outcomes  int `json:"outcomes"`  // of obligations

	Erased     []uint64         `json:"erased,omitempty"`     // records whose payload is gone: of them the chain alone was checked
	Open       []OpenObligation `json:"open,omitempty"`       // obligations of which no outcome is logged, in order
	Mismatches []Mismatch       `json:"mismatches,omitempty"` // none: the log is what the rules say
	Head       [32]byte         `json:"head"`                 // digest of the last record, to be compared with the one that was kept
}

// OpenObligation is an obligation whose outcome is not in the log.
type OpenObligation struct {
	Seq        uint64 `json:"seq"` // of the decision's record
	Obligation string `json:"obligation"`
}

// Mismatch is one field of one record that is not what replay made of it. It holds no value of an attribute.
type Mismatch struct {
	Seq    uint64 `json:"seq"`   // of the record, as it says itself
	Place  int    `json:"place"` // of the record among those given, from 0
	Field  string `json:"field"`
	Logged string `json:"logged"`
	Got    string `json:"got"`
}

// String returns "record seq: field: logged x, got y".
func (d Mismatch) String() string {
	return fmt.Sprintf("record %d: %s: logged %s, got %s", d.Seq, d.Field, d.Logged, d.Got)
}

// Replay decides every logged request again and makes every filter again, in order, and reports each field that differs.
// Sets returns a compiled set by [Record.Set], one that holds the document with that digest, or for a filter the one with
// that fingerprint; nil, if it is not known, is a mismatch. Payloads returns a
// payload by [Record.Request]. Both are called at most once per record; either may be expensive, and keeping what was
// compiled is the caller's matter. A set must be compiled under the schema of the time: it is no part of the digest.
//
// Each decision is made twice, as [Set.Explain] and as [Set.Decide] make it. Every field of it follows from the payload
// and the rules, so that a record that was changed, even with its digest and all later ones computed anew, differs. What
// an outcome says, what payloads hold, and whether the log's end was cut off, is vouched for by the chain alone: compare
// [ReplayReport.Head] with the digest that was kept elsewhere. The first record may be any of the log; the caller knows
// what it should follow.
func Replay(records iter.Seq[Record], sets func(digest [32]byte) *Set, payloads func(request [32]byte) (Payload, bool)) ReplayReport {
	p := &player{sets: sets, payloads: payloads, open: map[duty]uint64{}}
	for r := range records {
		p.play(r)
	}
	for d, seq := range p.open {
		p.report.Open = append(p.report.Open, OpenObligation{seq, d.obligation})
	}
	slices.SortFunc(p.report.Open, func(a, b OpenObligation) int {
		if a.Seq != b.Seq {
			return int(a.Seq) - int(b.Seq)
		}
		return strings.Compare(a.Obligation, b.Obligation)
	})
	return p.report
}

// duty is an obligation of a decision.
type duty struct {
	of         [32]byte
	obligation string
}

// player is the state of one replay.
type player struct {
	sets     func([32]byte) *Set
	payloads func([32]byte) (Payload, bool)
	report   ReplayReport
	last     Record
	open     map[duty]uint64 // seq of the decision
	whole    bool            // the log from its first record
}

func (p *player) differ(r *Record, field, logged, got string) {
	p.report.Mismatches = append(p.report.Mismatches, Mismatch{r.Seq, p.report.Records, field, logged, got})
}

func (p *player) play(r Record) {
	p.chain(&r)
	digest := r.Digest()
	switch r.Kind {
	case DecisionRecord:
		p.decision(&r)
		for _, o := range r.Obligations {
			p.open[duty{digest, o}] = r.Seq
		}
	case FilterRecord:
		p.filter(&r)
	case OutcomeRecord:
		p.outcome(&r)
	default:
		p.differ(&r, "kind", strconv.Quote(string(r.Kind)), "decision, filter or outcome")
	}
	p.report.Records++
	p.last, p.report.Head = r, digest
}

// chain checks that a record follows the one before.
func (p *player) chain(r *Record) {
	if p.report.Records == 0 {
		p.whole = r.Seq == 1
		if (r.Seq == 1) != (r.Prev == [32]byte{}) || r.Seq == 0 {
			p.differ(r, "prev", shortHex(r.Prev), "a digest, or none in record 1")
		}
		return
	}
	if r.Seq != p.last.Seq+1 {
		p.differ(r, "seq", fmt.Sprint(r.Seq), fmt.Sprint(p.last.Seq+1))
	}
	if r.Prev != p.report.Head {
		p.differ(r, "prev", shortHex(r.Prev), shortHex(p.report.Head))
	}
}

// content returns what a record commits to.
func (p *player) content(r *Record) (*content, bool) {
	payload, ok := p.payloads(r.Request)
	if !ok {
		p.report.Erased = append(p.report.Erased, r.Seq)
		return nil, false
	}
	if got := payload.Digest(); got != r.Request {
		p.differ(r, "request", shortHex(r.Request), shortHex(got))
		return nil, false
	}
	c, err := payload.open()
	if err != nil {
		p.differ(r, "request", shortHex(r.Request), err.Error())
		return nil, false
	}
	return c, true
}

// asked returns what a record commits to, and the rules that were asked.
func (p *player) asked(r *Record) (*content, *Set, bool) {
	c, ok := p.content(r)
	if !ok {
		return nil, nil, false
	}
	set := p.sets(r.Set)
	if set == nil && r.Set == [32]byte{} {
		set = &Set{schema: BaseSchema()} // of a schema that has no say in a denial
	}
	if set == nil {
		p.differ(r, "set", shortHex(r.Set), "unknown")
	}
	return c, set, set != nil
}

func (p *player) filter(r *Record) {
	c, set, ok := p.asked(r)
	if !ok {
		return
	}
	p.report.Filters++
	_, got := c.filter(set)
	got.Seq, got.Prev, got.Request = r.Seq, r.Prev, r.Request
	p.compare(r, &got)
}

func (p *player) decision(r *Record) {
	c, set, ok := p.asked(r)
	if !ok {
		return
	}
	p.report.Decisions++
	usage := &recordedUsage{answers: c.Usage}
	c.Request.Usage = usage
	place := func(got Record) *Record {
		got.Seq, got.Prev, got.Request = r.Seq, r.Prev, r.Request
		return &got
	}
	_, got := c.explain(set)
	same := p.compare(r, place(got))
	if !same && usage.missed { // which rules out why
		p.differ(r, "usage", "not asked", "asked")
	}
	if _, quick := c.decide(set); same && place(quick).Digest() != r.Digest() {
		p.differ(r, "decide", "as explained", "other")
	}
}

// compare reports every field of a record that differs from what replay made, and whether none does.
func (p *player) compare(r, got *Record) bool {
	before := len(p.report.Mismatches)
	for _, f := range []struct{ name, logged, got string }{
		{"now", r.Now.Format(time.RFC3339Nano), got.Now.Format(time.RFC3339Nano)},
		{"set", shortHex(r.Set), shortHex(got.Set)},
		{"version", strconv.Itoa(r.Version), strconv.Itoa(got.Version)},
		{"action", strconv.Quote(string(r.Action)), strconv.Quote(string(got.Action))},
		{"outcome", r.Outcome.String(), got.Outcome.String()},
		{"rules", listed(r.Rules), listed(got.Rules)},
		{"due", dues(r.Due), dues(got.Due)},
		{"obligations", listed(r.Obligations), listed(got.Obligations)},
		{"advice", listed(r.Advice), listed(got.Advice)},
		{"cost", strconv.Itoa(r.Cost), strconv.Itoa(got.Cost)},
		{"filter", r.Filter.String(), got.Filter.String()},
		{"cells", shortHex(r.Cells), shortHex(got.Cells)},
	} {
		if f.logged != f.got {
			p.differ(r, f.name, f.logged, f.got)
		}
	}
	if len(p.report.Mismatches) == before && r.Digest() != got.Digest() { // fields that this kind of record does not have
		p.differ(r, "digest", shortHex(r.Digest()), shortHex(got.Digest()))
	}
	return len(p.report.Mismatches) == before
}

// outcome checks that an outcome is of an open obligation of the log.
func (p *player) outcome(r *Record) {
	p.report.Outcomes++
	d := duty{r.Of, r.Obligation}
	if _, ok := p.open[d]; !ok && p.whole { // else the decision may lie before the first record
		p.differ(r, "obligation", r.Obligation, "none that is open")
	}
	if r.Fulfilment != Fulfilled && r.Fulfilment != Unfulfilled {
		p.differ(r, "fulfilment", strconv.Quote(string(r.Fulfilment)), "fulfilled or unfulfilled")
	}
	delete(p.open, d)
	got := Record{Seq: r.Seq, Prev: r.Prev, Kind: OutcomeRecord, Now: r.Now, Of: r.Of, Obligation: r.Obligation, Fulfilment: r.Fulfilment}
	p.compare(r, &got)
}

func listed(words []string) string { return "[" + strings.Join(words, " ") + "]" }

func dues(list []RecordedDue) string {
	words := make([]string, len(list))
	for i, d := range list {
		words[i] = fmt.Sprintf("%s:%d/%d", d.Requirement, d.Have, d.Need)
	}
	return listed(words)
}

// shortHex names a digest by its first eight bytes, "none" for the zero digest.
func shortHex(digest [32]byte) string {
	if digest == [32]byte{} {
		return "none"
	}
	return fmt.Sprintf("%x…", digest[:8])
}
