package csss

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

// Publish offers a surplus of the caller's firm. The firm's rules decide
// whether this person may publish this category within these bounds; the text
// is redacted before it is stored, indexed or summarised.
//
// Firm, Group, NAICS and Sectors are taken from the registered firm, and so
// are Site, Region and Zone where they are left empty; a Site that is given
// must be one of the firm's. RadiusKM is rounded down to a multiple of 5, but
// to 5 at least, and the groups of Exclude may change once in Config.Window:
// finer ones would ask the other side who and where it is. Currency is required.
//
// Ids of offers, and likewise of needs, are one space for the whole market:
// ErrExists tells that somebody uses the id, so a host must make ids that
// nobody can guess, or make them itself.
//
// Errors: *match.FieldError, *InputError, *DeniedError (with the bound that
// was missed), ErrNotYours, ErrExists, ErrKeyReused, and the ledger's.
func (x *Exchange) Publish(ctx context.Context, by By, o match.Offer) (Receipt, error) {
	args := newOfferPublished(o, by.Person)
	return x.command(ctx, by, "publish", args, func(st *state, at time.Time) ([]event, error) {
		return st.decideOffer(by, o, 1, at)
	})
}

// Revise replaces a published offer by a new revision of it, under the same
// rules as Publish. Holds that stand keep standing. The new revision gets a
// frozen summary of its own, which may be finer than the old one; within a
// revision it only becomes coarser.
//
// Errors: as Publish, and ErrNotFound.
func (x *Exchange) Revise(ctx context.Context, by By, o match.Offer) (Receipt, error) {
	args := newOfferPublished(o, by.Person)
	return x.command(ctx, by, "revise", args, func(st *state, at time.Time) ([]event, error) {
		old := st.offers[o.ID]
		if old == nil || old.offer.Firm != by.Firm || !old.live {
			return nil, ErrNotFound
		}
		return st.decideOffer(by, o, old.offer.Revision+1, at)
	})
}

// Withdraw takes an offer or a need of the caller's firm off the market. Open
// sessions of it cannot be revealed any more.
//
// Errors: ErrNotFound, ErrNotYours, ErrKeyReused, and the ledger's.
func (x *Exchange) Withdraw(ctx context.Context, by By, id string) (Receipt, error) {
	return x.command(ctx, by, "withdraw", id, func(st *state, at time.Time) ([]event, error) {
		if !st.employs(by.Firm, by.Person) {
			return nil, ErrNotYours
		}
		if o := st.offers[id]; o != nil && o.offer.Firm == by.Firm && o.live {
			return []event{{stream: "offer/" + id, body: &offerWithdrawn{Offer: id}, subjects: st.subjectsOf(id)}}, nil
		}
		if n := st.needs[id]; n != nil && n.need.Firm == by.Firm && n.live {
			return []event{{stream: "need/" + id, body: &needWithdrawn{Need: id}, subjects: []string{by.Firm}}}, nil
		}
		return nil, ErrNotFound
	})
}

// Offer returns an offer of the caller's firm as it stands: its text as it was
// redacted, its revision, and the cases that outcomes have added. The result
// is the caller's.
//
// Errors: ErrNotFound, also for another firm's offer and a withdrawn one.
func (x *Exchange) Offer(by By, id string) (match.Offer, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	o := x.st.offers[id]
	if o == nil || !o.live || o.offer.Firm != by.Firm || !x.st.employs(by.Firm, by.Person) {
		return match.Offer{}, ErrNotFound
	}
	out, err := copied(newOfferPublished(o.offer, o.publisher))
	out.Offer.Floor, out.Offer.Cost = bound(out.Floor), bound(out.Cost)
	return out.Offer, err
}

// Need returns a need of the caller's firm as it stands, its text as it was
// redacted. The result is the caller's.
//
// Errors: ErrNotFound, also for another firm's need and a withdrawn one.
func (x *Exchange) Need(by By, id string) (match.Need, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := x.st.needs[id]
	if n == nil || !n.live || n.need.Firm != by.Firm || !x.st.employs(by.Firm, by.Person) {
		return match.Need{}, ErrNotFound
	}
	out, err := copied(newNeedRegistered(n.need))
	out.Need.Ceiling = bound(out.Ceiling)
	return out.Need, err
}

// copied goes through the log's own encoding and shares nothing with v.
func copied[T any](v *T) (T, error) {
	var out T
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	return out, err
}

func newOfferPublished(o match.Offer, by string) *offerPublished {
	return &offerPublished{Offer: o, By: by, Floor: opened(o.Floor), Cost: opened(o.Cost)}
}

func newNeedRegistered(n match.Need) *needRegistered {
	return &needRegistered{Need: n, Ceiling: opened(n.Ceiling)}
}

// opened is a bound as the log keeps it: its cents, or nil where there is none.
func opened(b match.Bound) *int64 {
	if cents, ok := b.Open(); ok {
		return &cents
	}
	return nil
}

func bound(cents *int64) match.Bound {
	if cents == nil {
		return match.Bound{}
	}
	return match.NewBound(*cents)
}

func (st *state) decideOffer(by By, o match.Offer, revision int, at time.Time) ([]event, error) {
	if !st.employs(by.Firm, by.Person) {
		return nil, ErrNotYours
	}
	roles := st.roles(by.Firm, by.Person)
	if revision == 1 && st.versions["offer/"+o.ID] > 0 { // asked only by who may publish at all
		return nil, ErrExists
	}
	f := st.firms[by.Firm]
	o.Firm, o.Group, o.NAICS, o.Sectors, o.Revision = f.firm.ID, f.firm.Group, f.firm.NAICS, f.firm.Sectors, revision
	f.firm.place(&o.Site, &o.Region, &o.Zone)
	if o.Person != "" && !st.employs(by.Firm, o.Person) {
		return nil, &InputError{Field: "offer.person", Limit: "must be a person of the firm"}
	}
	st.names.redactOffer(&o)
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Currency == "" {
		return nil, &InputError{Field: "offer.currency", Limit: "must be given, e.g. CAD"}
	}
	if err := st.promisable(&fit{off: &o}, disclosure.Supply, disclosure.Party{Firm: f.firm.ID, Actor: cmp.Or(o.Person, by.Person)}, "offer"); err != nil {
		return nil, err
	}
	if err := st.blunt(&f.firm, o.Site, &o.RadiusKM, o.Exclude, at); err != nil {
		return nil, err
	}
	req, err := st.publishRequest(&o, by.Person, roles, at)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(st.permits(req), st.leaves(req)); err != nil {
		return nil, err
	}
	subjects := []string{f.firm.ID}
	if o.Person != "" {
		subjects = append(subjects, o.Person)
	}
	return []event{{stream: "offer/" + o.ID, fresh: revision == 1, body: newOfferPublished(o, by.Person), subjects: subjects}}, nil
}

// Register states a deficit of the caller's firm. The firm's own rules decide
// whether this person may ask for it at this price; the text is redacted.
//
// Errors: as [Exchange.Publish].
func (x *Exchange) Register(ctx context.Context, by By, n match.Need) (Receipt, error) {
	return x.command(ctx, by, "register", newNeedRegistered(n), func(st *state, at time.Time) ([]event, error) {
		return st.decideNeed(by, n, at)
	})
}

func (st *state) decideNeed(by By, n match.Need, at time.Time) ([]event, error) {
	if !st.employs(by.Firm, by.Person) {
		return nil, ErrNotYours
	}
	if st.versions["need/"+n.ID] > 0 {
		return nil, ErrExists
	}
	f := st.firms[by.Firm]
	n.Firm, n.Group, n.NAICS, n.Sectors, n.Revision = f.firm.ID, f.firm.Group, f.firm.NAICS, f.firm.Sectors, 1
	n.Requester = by.Person
	f.firm.place(&n.Site, &n.Region, &n.Zone)
	st.names.redactNeed(&n)
	if err := n.Validate(); err != nil {
		return nil, err
	}
	if n.Currency == "" {
		return nil, &InputError{Field: "need.currency", Limit: "must be given, e.g. CAD"}
	}
	if err := st.promisable(&fit{need: &n}, disclosure.Demand, disclosure.Party{Firm: f.firm.ID, Actor: by.Person}, "need"); err != nil {
		return nil, err
	}
	if err := st.blunt(&f.firm, n.Site, &n.RadiusKM, n.Exclude, at); err != nil {
		return nil, err
	}
	req := st.demandRequest(policy.Register, &n, nil, at)
	if err := cmp.Or(st.permits(req), st.leaves(req)); err != nil {
		return nil, err
	}
	return []event{{stream: "need/" + n.ID, fresh: true, body: newNeedRegistered(n), subjects: []string{f.firm.ID}}}, nil
}

// RecordComparables adds rates paid elsewhere for a category, in cents per
// hour, as the operator. Price estimates of the category rest on them.
//
// Errors: *InputError, ErrNotYours, ErrKeyReused, and the ledger's.
func (x *Exchange) RecordComparables(ctx context.Context, by By, category string, rates ...int64) (Receipt, error) {
	args := &comparableRecorded{Category: category, Rates: rates}
	return x.command(ctx, by, "comparables", args, func(*state, time.Time) ([]event, error) {
		if err := by.operator(); err != nil {
			return nil, err
		}
		return decideComparables(category, rates)
	})
}

// maxRate is the largest rate in cents per hour, as package match has it.
const maxRate = 1e12

func decideComparables(category string, rates []int64) ([]event, error) {
	if category == "" || len(rates) == 0 {
		return nil, &InputError{Field: "comparables", Limit: "needs a category and at least one rate"}
	}
	for i, r := range rates {
		if r <= 0 || r > maxRate {
			return nil, &InputError{Field: fmt.Sprintf("comparables[%d]", i), Value: fmt.Sprint(r), Limit: "must be 1 to 1e12 cents per hour"}
		}
	}
	return []event{{stream: "comparables/" + category, body: &comparableRecorded{Category: category, Rates: rates}}}, nil
}

// ReportUsage records hours that a person or category of the caller's firm has
// already worked or promised outside the exchange in one ISO week, so that the
// firm's quotas count them.
//
// Errors: *InputError, ErrNotYours, ErrKeyReused, and the ledger's.
func (x *Exchange) ReportUsage(ctx context.Context, by By, person, category, week string, hours match.Amount) (Receipt, error) {
	args := &usageReported{Firm: by.Firm, Person: person, Category: category, Week: week, Hours: hours}
	return x.command(ctx, by, "usage", args, func(st *state, _ time.Time) ([]event, error) {
		if st.firms[by.Firm] == nil || !st.employs(by.Firm, by.Person) {
			return nil, ErrNotYours
		}
		if person != "" && !st.employs(by.Firm, person) {
			return nil, &InputError{Field: "usage.person", Limit: "must be a person of the firm"}
		}
		if !isoWeek(week) {
			return nil, &InputError{Field: "usage.week", Value: fmt.Sprintf("%q", week), Limit: "must be an ISO week such as 2026-W38"}
		}
		if hours <= 0 || hours > match.MaxAmount {
			return nil, &InputError{Field: "usage.hours", Value: fmt.Sprint(int64(hours)), Limit: "must be 1 to 1e12 thousandths"}
		}
		subjects := []string{by.Firm}
		if person != "" {
			subjects = append(subjects, person)
		}
		return []event{{stream: "usage/" + by.Firm, body: args, subjects: subjects}}, nil
	})
}

// isoWeek reports whether there is a week of the name.
func isoWeek(s string) bool {
	var year, week int
	if _, err := fmt.Sscanf(s, "%d-W%d", &year, &week); err != nil {
		return false
	}
	year, week = time.Date(year, 1, 4+7*(week-1), 0, 0, 0, 0, time.UTC).ISOWeek() // 4 January lies in the first week
	return s == fmt.Sprintf("%04d-W%02d", year, week)
}

// RevokeCredential records that a credential on an offer no longer holds, as
// the operator or the offer's own firm reports it. Nothing that needs it is revealed any
// more: the next [Exchange.Tick] closes the sessions, and tells both sides of
// engagements.
//
// Errors: ErrNotFound, also for another firm's offer, ErrNotYours,
// ErrKeyReused, and the ledger's.
func (x *Exchange) RevokeCredential(ctx context.Context, by By, offer, scheme string) (Receipt, error) {
	args := &credentialRevoked{Offer: offer, Scheme: scheme}
	return x.command(ctx, by, "revoke_credential", args, func(st *state, _ time.Time) ([]event, error) {
		o := st.offers[offer]
		if o == nil || by.operator() != nil && by.Firm != o.offer.Firm {
			return nil, ErrNotFound
		}
		if by.operator() != nil && !st.employs(by.Firm, by.Person) {
			return nil, ErrNotYours
		}
		for _, c := range o.offer.Credentials {
			if c.Scheme == scheme {
				return []event{{stream: "offer/" + offer, body: args, subjects: st.subjectsOf(offer), expect: ledger.Any}}, nil
			}
		}
		return nil, ErrNotFound
	})
}
