package policy

import (
	"maps"
	"slices"
)

// Source is the text of one document.
type Source struct {
	Name string // shown in errors, such as "shop.yaml"; empty: "document"
	Text []byte // YAML or JSON; not kept
}

// Set is the compiled documents of one or more employers. It is immutable and safe for concurrent use.
type Set struct {
	schema *Schema
	firms  map[string]*document
}

// Employers returns the employers that have a document, sorted.
func (s *Set) Employers() []string { return slices.Sorted(maps.Keys(s.firms)) }

// Version returns the version of an employer's document, 0 for an unknown employer.
func (s *Set) Version(employer string) int {
	if d := s.firms[employer]; d != nil {
		return d.version
	}
	return 0
}

// Digest returns the SHA-256 of the canonical JSON (RFC 8785) of an employer's normalised document: layout, comments,
// tests and the order of rules do not change it. It is zero for an unknown employer.
func (s *Set) Digest(employer string) [32]byte {
	if d := s.firms[employer]; d != nil {
		return d.digest
	}
	return [32]byte{}
}

// Deal returns how long an employer lets deals sleep, the defaults for an unknown employer.
func (s *Set) Deal(employer string) Deal {
	if d := s.firms[employer]; d != nil {
		return d.deal
	}
	return defaultDeal()
}

// Zone returns the name of an employer's time zone, such as "America/Toronto"; "UTC" if the document names none, "" for
// an unknown employer.
func (s *Set) Zone(employer string) string {
	if d := s.firms[employer]; d != nil {
		return d.zone
	}
	return ""
}

// Grants returns an employer's grants, sorted by id. The caller owns the result.
func (s *Set) Grants(employer string) []Grant {
	d := s.firms[employer]
	if d == nil {
		return nil
	}
	list := make([]Grant, len(d.grants))
	for i, g := range d.grants {
		list[i] = g.clone()
	}
	return list
}

// Quotas returns an employer's quotas, sorted by id. The caller owns the result.
func (s *Set) Quotas(employer string) []Quota {
	d := s.firms[employer]
	if d == nil {
		return nil
	}
	list := make([]Quota, len(d.quotas))
	for i, q := range d.quotas {
		list[i] = q.Quota
		list[i].Key = slices.Clone(q.Key)
	}
	return list
}

// Requirements returns an employer's approval requirements, sorted by id. The caller owns the result.
func (s *Set) Requirements(employer string) []Requirement {
	d := s.firms[employer]
	if d == nil {
		return nil
	}
	list := make([]Requirement, len(d.approvals))
	for i, a := range d.approvals {
		list[i] = a.Requirement
		list[i].Seats, list[i].Not = slices.Clone(a.Seats), slices.Clone(a.Not)
	}
	return list
}

// Rules returns the ids of an employer's rules, sorted. The caller owns the result.
func (s *Set) Rules(employer string) []string {
	d := s.firms[employer]
	if d == nil {
		return nil
	}
	list := make([]string, len(d.rules))
	for i, r := range d.rules {
		list[i] = r.id
	}
	return list
}

// Tests returns the tests an employer's document carries, in the document's order. They are shared: do not change them.
func (s *Set) Tests(employer string) []*Test {
	if d := s.firms[employer]; d != nil {
		return slices.Clone(d.tests)
	}
	return nil
}
