package csss

import (
	"maps"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

// Text and vectors stay in the process unless the host says that its embedder
// or its index is a service elsewhere (Config.External). Then the text of an
// offer or a need goes there only where the rules of its firm permit the action
// process_externally; they read the name of the service as context.destination.

// leaves asks whether the listing that a request is about may leave the process.
func (st *state) leaves(r *policy.Request) error {
	if st.external == "" {
		return nil
	}
	q := *r
	q.Action = policy.ProcessExternally
	q.Attrs = maps.Clone(r.Attrs)
	q.Attrs["context.destination"] = policy.String(st.external)
	return st.permits(&q)
}

// indexable reports whether a listed offer's text may go to the index now: the
// rules may have changed since it was published.
func (st *state) indexable(o *match.Offer, at time.Time) bool {
	if st.external == "" {
		return true
	}
	publisher := st.asker(disclosure.Supply, &fit{off: o})
	r, err := st.publishRequest(o, publisher, st.roles(o.Firm, publisher), at)
	return err == nil && st.leaves(r) == nil
}

// indexAgain marks the offers of a firm whose rules may send them elsewhere, or
// keep them here.
func (st *state) indexAgain(firm string) {
	if st.external == "" {
		return
	}
	for id, o := range st.offers {
		if o.offer.Firm == firm {
			st.dirty = append(st.dirty, id)
		}
	}
}

// asksOutside asks the same of a need that is about to be searched.
func (st *state) asksOutside(n *match.Need, at time.Time) error {
	if st.external == "" {
		return nil
	}
	return st.leaves(st.demandRequest(policy.Register, n, nil, at))
}
