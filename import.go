package csss

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/deeperpoint/csss/match"
)

// Import is a market's worth of records, loaded in a few large batches.
type Import struct {
	Firms       []Firm             `json:"firms,omitempty"`
	Policies    []PolicyText       `json:"policies,omitempty"`
	Comparables map[string][]int64 `json:"comparables,omitempty"` // cents per hour by category
	Offers      []Publication      `json:"offers,omitempty"`
	Needs       []Registration     `json:"needs,omitempty"`
}

// PolicyText is one firm's rule document.
type PolicyText struct {
	Firm string `json:"firm"`
	Name string `json:"name"`
	Text []byte `json:"text"`
}

// Publication is an offer and who publishes it.
type Publication struct {
	By    By          `json:"by"`
	Offer match.Offer `json:"offer"`
}

// Registration is a need and who registers it.
type Registration struct {
	By   By         `json:"by"`
	Need match.Need `json:"need"`
}

// ImportError names the record that was refused.
type ImportError struct {
	Part  string // "firms", "policies", "comparables", "offers" or "needs"
	Index int
	Err   error
}

func (e *ImportError) Error() string {
	return fmt.Sprintf("csss: import %s[%d]: %v", e.Part, e.Index, e.Err)
}

// Unwrap returns the reason.
func (e *ImportError) Unwrap() error { return e.Err }

// importBatch is how many entries share one append, and so one sync.
const importBatch = 256

// Import loads firms, rules, comparables, offers and needs in that order, each
// judged exactly as its single call would. Records go to the log in batches of
// 256 entries; by.ID keys the whole import, so that an import cut short can be run
// again and continues where it stopped.
//
// Errors: ErrNotYours; *ImportError, which names the first refused record;
// ErrKeyReused for the key of another import; the ledger's, and with everything
// loaded the embedder's. Records of earlier batches stay, none of the batch
// with the error is kept.
func (x *Exchange) Import(ctx context.Context, by By, in Import) (Receipt, error) {
	if err := by.operator(); err != nil {
		return Receipt{}, err
	}
	by = by.withDefaults()
	var last Receipt
	for _, part := range in.parts() {
		for from, to := 0, 0; from < part.n; from = to {
			to = part.end(from)
			chunk := by
			chunk.ID = fmt.Sprintf("%s/%s/%d", by.ID, part.name, from)
			r, err := x.command(ctx, chunk, "import", part.args(from, to), func(st *state, at time.Time) ([]event, error) {
				return part.decide(st, at, from, to)
			})
			if err != nil {
				return Receipt{}, err
			}
			last = r
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return Receipt{Command: by.ID, At: last.At, Duplicate: last.Duplicate}, x.reindex(ctx)
}

// importPart is one kind of record: how many, and how record i is decided.
type importPart struct {
	name string
	n    int
	one  func(st *state, at time.Time, i int) ([]event, error)
	arg  func(i int) any
	more func(i int) int // entries that record i takes beyond its own; nil = none
}

// end is where the batch that starts with record from ends.
func (p *importPart) end(from int) int {
	entries := 0
	for i := from; i < p.n; i++ {
		if entries++; p.more != nil {
			entries += p.more(i)
		}
		if entries > importBatch && i > from {
			return i
		}
	}
	return p.n
}

func (p *importPart) args(from, to int) any {
	out := make([]any, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, p.arg(i))
	}
	return out
}

func (p *importPart) decide(st *state, at time.Time, from, to int) ([]event, error) {
	var evs []event
	seen := map[string]bool{}
	defer func() { st.pending = nil }()
	for i := from; i < to; i++ {
		more, err := p.one(st, at, i)
		if err != nil {
			return nil, &ImportError{Part: p.name, Index: i, Err: err}
		}
		for _, ev := range more {
			name := ev.stream
			if p.name == "firms" {
				name = ev.subjects[0] // a firm's id is no person's
			}
			if seen[name] { // no record comes twice in one batch, nor a second version of one
				return nil, &ImportError{Part: p.name, Index: i, Err: ErrExists}
			}
			seen[name] = true
			if pub, ok := ev.body.(*offerPublished); ok {
				st.pending = append(st.pending, &pub.Offer)
			}
		}
		evs = append(evs, more...)
	}
	return evs, nil
}

func (in *Import) parts() []importPart {
	categories := slices.Sorted(maps.Keys(in.Comparables))
	return []importPart{
		{"firms", len(in.Firms), func(st *state, _ time.Time, i int) ([]event, error) {
			return st.decideFirm(in.Firms[i])
		}, func(i int) any { return in.Firms[i] }, func(i int) int { return len(in.Firms[i].People) }},
		{"policies", len(in.Policies), func(st *state, _ time.Time, i int) ([]event, error) {
			p := in.Policies[i]
			return st.decidePolicy(p.Firm, p.Name, p.Text)
		}, func(i int) any { return in.Policies[i] }, nil},
		{"comparables", len(categories), func(_ *state, _ time.Time, i int) ([]event, error) {
			return decideComparables(categories[i], in.Comparables[categories[i]])
		}, func(i int) any { return []any{categories[i], in.Comparables[categories[i]]} }, nil},
		{"offers", len(in.Offers), func(st *state, at time.Time, i int) ([]event, error) {
			return st.decideOffer(in.Offers[i].By, in.Offers[i].Offer, 1, at)
		}, func(i int) any {
			return []any{in.Offers[i].By.Firm, newOfferPublished(in.Offers[i].Offer, in.Offers[i].By.Person)}
		}, nil},
		{"needs", len(in.Needs), func(st *state, at time.Time, i int) ([]event, error) {
			return st.decideNeed(in.Needs[i].By, in.Needs[i].Need, at)
		}, func(i int) any {
			return []any{in.Needs[i].By.Firm, in.Needs[i].By.Person, newNeedRegistered(in.Needs[i].Need)}
		}, nil},
	}
}
