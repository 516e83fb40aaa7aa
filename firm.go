package csss

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

// Firm is an employer that governs resources. Everything in it that names
// somebody is shown to another firm only after a reveal.
type Firm struct {
	ID        string     `json:"id"`
	LegalName string     `json:"legal_name"`
	Group     string     `json:"group,omitempty"` // employer group; empty = ID
	NAICS     string     `json:"naics,omitempty"`
	Sectors   []string   `json:"sectors,omitempty"`
	Country   string     `json:"country,omitempty"` // province or country that regions lie in, e.g. Ontario
	Sites     []Site     `json:"sites"`             // at least one; the first is the verified site distances are measured from
	People    []Person   `json:"people,omitempty"`
	Resources []Resource `json:"resources,omitempty"`
}

// Site is a place of a firm.
type Site struct {
	ID         string      `json:"id"`
	Street     string      `json:"street,omitempty"`
	City       string      `json:"city,omitempty"`
	PostalCode string      `json:"postal_code,omitempty"`
	Region     string      `json:"region,omitempty"` // economic region
	Zone       string      `json:"zone"`             // IANA time zone
	At         match.Point `json:"at"`
}

// Person works for a firm. Roles are what the firm's rules speak of.
type Person struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Email string   `json:"email,omitempty"`
	Phone string   `json:"phone,omitempty"`
	Roles []string `json:"roles,omitempty"`
}

// Resource is a machine, room or instrument of a firm.
type Resource struct {
	ID     string   `json:"id"`
	Site   string   `json:"site,omitempty"`
	Serial string   `json:"serial,omitempty"`
	Model  string   `json:"model,omitempty"`
	Tags   []string `json:"tags,omitempty"`
}

func (f *Firm) validate() error {
	switch {
	case f.ID == "":
		return &InputError{Field: "firm.id", Limit: "must not be empty"}
	case f.LegalName == "":
		return &InputError{Field: "firm.legal_name", Limit: "must not be empty"}
	case len(f.Sites) == 0:
		return &InputError{Field: "firm.sites", Limit: "needs at least one site"}
	}
	for i, s := range f.Sites {
		if err := s.validate(fmt.Sprintf("firm.sites[%d]", i)); err != nil {
			return err
		}
	}
	if err := spelled("firm", map[string]string{"id": f.ID, "naics": f.NAICS, "country": f.Country, "group": f.Group}); err != nil {
		return err
	}
	seen := map[string]bool{f.ID: true}
	for i, p := range f.People {
		if err := spelled(fmt.Sprintf("firm.people[%d]", i), map[string]string{"id": p.ID}); err != nil {
			return err
		}
		if p.ID == "" || seen[p.ID] {
			return &InputError{Field: fmt.Sprintf("firm.people[%d].id", i), Limit: "must be present and unique, also among firms"}
		}
		seen[p.ID] = true
	}
	return nil
}

// spelled refuses what rules could not tell apart by its letters. What is empty
// is for others to refuse.
func spelled(path string, fields map[string]string) error {
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if text := fields[field]; text != "" {
			if err := policy.CheckName(field, text); err != nil {
				return requestFault(path, err)
			}
		}
	}
	return nil
}

func (s *Site) validate(path string) error {
	if err := spelled(path, map[string]string{"region": s.Region}); err != nil {
		return err
	}
	if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "" {
		return &InputError{Field: path + ".zone", Value: fmt.Sprintf("%q", s.Zone), Limit: "must be an IANA time zone"}
	}
	if !(math.Abs(s.At.Lat) <= 90) || !(math.Abs(s.At.Lon) <= 180) {
		return &InputError{Field: path + ".at", Limit: "latitude must lie in ±90 and longitude in ±180"}
	}
	return nil
}

// place fills in what a listing leaves empty: the firm's verified site.
func (f *Firm) place(at *match.Point, region, zone *string) {
	home := f.Sites[0]
	def(at, home.At)
	def(region, home.Region)
	def(zone, home.Zone)
}

// RegisterFirm adds a firm with its sites, people and resources, as the
// operator of the exchange. Each person is an entry of its own, so that one
// can be erased without the other. Ids of firms and people are of one kind,
// because [Exchange.Erase] takes either: none is given twice, even after an
// erasure.
//
// Errors: *InputError, ErrNotYours, ErrExists, ErrKeyReused, and the ledger's.
func (x *Exchange) RegisterFirm(ctx context.Context, by By, f Firm) (Receipt, error) {
	return x.command(ctx, by, "register_firm", f, func(st *state, at time.Time) ([]event, error) {
		if err := by.operator(); err != nil {
			return nil, err
		}
		return st.decideFirm(f)
	})
}

func (st *state) decideFirm(f Firm) ([]event, error) {
	if err := f.validate(); err != nil {
		return nil, err
	}
	if st.subjectTaken(f.ID) {
		return nil, ErrExists
	}
	for _, p := range f.People {
		if st.subjectTaken(p.ID) {
			return nil, fmt.Errorf("%w: person", ErrExists)
		}
	}
	if f.Group == "" {
		f.Group = f.ID
	}
	people := f.People
	f.People = nil
	evs := []event{{stream: "firm/" + f.ID, fresh: true, body: &firmRegistered{Firm: f, Seed: st.newSeed()}, subjects: []string{f.ID}}}
	for _, p := range people {
		evs = append(evs, event{stream: "person/" + p.ID, fresh: true,
			body: &personEnrolled{Firm: f.ID, Person: p, Seed: st.newSeed()}, subjects: []string{p.ID}})
	}
	return evs, nil
}

// Leave records that a person no longer works for the firm. What the person
// offered leaves the market, what was granted to the person lapses, and sessions
// in which the person is the party cannot be revealed any more: the next
// [Exchange.Tick] closes them.
//
// Any person of the firm may report it; who of them does is the host's care.
//
// Errors: ErrNotFound, also for another firm's person, ErrNotYours,
// ErrKeyReused, and the ledger's.
func (x *Exchange) Leave(ctx context.Context, by By, person string) (Receipt, error) {
	return x.command(ctx, by, "leave", person, func(st *state, at time.Time) ([]event, error) {
		p := st.people[person]
		if p == nil || p.firm != by.Firm {
			return nil, ErrNotFound
		}
		if !st.employs(by.Firm, by.Person) {
			return nil, ErrNotYours
		}
		evs := []event{{stream: "person/" + person, body: &personLeft{Person: person}, subjects: []string{person}}}
		for _, id := range st.offerIDs() {
			if o := st.offers[id]; o.offer.Person == person && o.live {
				evs = append(evs, event{stream: "offer/" + id, body: &offerWithdrawn{Offer: id}, subjects: st.subjectsOf(id)})
			}
		}
		return evs, nil
	})
}

// employs reports whether the person works for the firm today.
func (st *state) employs(firm, person string) bool {
	p := st.people[person]
	return p != nil && p.firm == firm && !p.left && st.firms[firm] != nil
}

// roles returns what the person may act as for the firm: nothing for a
// stranger, nor for somebody without a role.
func (st *state) roles(firm, person string) []string {
	if !st.employs(firm, person) {
		return nil
	}
	return slices.Clone(st.people[person].person.Roles)
}

// governs reports whether a person speaks for the firm as a whole: its owner or
// operations director.
func (st *state) governs(firm, person string) bool {
	roles := st.roles(firm, person)
	return slices.Contains(roles, "owner") || slices.Contains(roles, "operations_director")
}

// subjectTaken reports whether a firm or a person has, or had, the id.
func (st *state) subjectTaken(id string) bool {
	return id == exchangeSubject || st.versions["firm/"+id] > 0 || st.versions["person/"+id] > 0
}
