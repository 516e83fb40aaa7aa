package policy

import (
	"cmp"
	"slices"
	"sync"
)

// Source is the text of one document.
type Source struct {
	Name string // shown in errors, such as "shop.yaml"; empty: "document"
	Text []byte // YAML or JSON; not kept
}

// Set is the compiled documents of one or more employers. It is immutable and safe for concurrent use. The zero Set has
// no documents and denies everything.
type Set struct {
	schema *Schema
	firms  firms

	blocked sync.Once
	blocks  []*block // of the slots of firms, see block

	numbered sync.Once
	cells    []uint32 // first cell of a firm, by its slot
	bases    []int32  // first part of a firm in filters, by its slot
	count    uint32   // of cells
	parts    int32    // of filters

	sealed sealed
}

// Schema returns the schema the set was compiled under. Its queries are those the set can decide.
func (s *Set) Schema() *Schema { return s.schema }

// document returns an employer's document, nil if it has none.
func (s *Set) document(employer string) *document {
	if s.schema == nil {
		return nil
	}
	if f := s.firms.find(s.schema.hash(employer), employer); f != nil {
		return f.document
	}
	return nil
}

// With compiles documents under the set's schema and returns a set in which they replace those of their employers. The
// set itself is not changed. It costs [Compile] of the documents and a copy of the table of employers, some 100 bytes each.
// The errors are those of Compile. It does not compare versions: [Engine.Swap] does.
func (s *Set) With(docs ...Source) (*Set, error) {
	fresh, err := Compile(s.schema, docs...)
	if err != nil {
		return nil, err
	}
	return s.with([]*Set{fresh}), nil
}

// with returns a set in which the documents of the others, compiled under the same schema, replace those of their
// employers; s itself if there are none.
func (s *Set) with(others []*Set) *Set {
	if len(others) == 0 {
		return s
	}
	merged := &Set{schema: cmp.Or(s.schema, others[0].schema), firms: s.firms.clone()}
	var changed []int
	for _, o := range others {
		for _, slot := range o.firms.slots {
			if slot.firm != nil {
				changed = append(changed, merged.firms.put(slot.hash, slot.firm))
			}
		}
	}
	if len(merged.firms.slots) == len(s.firms.slots) {
		merged.takeBlocks(s, changed)
	}
	return merged
}

// Employers returns the employers that have a document, sorted.
func (s *Set) Employers() []string {
	list := make([]string, 0, s.firms.count)
	for f := range s.firms.all {
		list = append(list, f.employer)
	}
	slices.Sort(list)
	return list
}

// Version returns the version of an employer's document, 0 for an unknown employer.
func (s *Set) Version(employer string) int {
	if d := s.document(employer); d != nil {
		return d.version
	}
	return 0
}

// Digest returns the SHA-256 of the canonical JSON (RFC 8785) of an employer's normalised document: layout, comments,
// tests and the order of rules do not change it. It is zero for an unknown employer.
func (s *Set) Digest(employer string) [32]byte {
	if d := s.document(employer); d != nil {
		return d.digest
	}
	return [32]byte{}
}

// Deal returns how long an employer lets deals sleep, the defaults for an unknown employer.
func (s *Set) Deal(employer string) Deal {
	if d := s.document(employer); d != nil {
		return d.deal
	}
	return defaultDeal()
}

// Zone returns the name of an employer's time zone, such as "America/Toronto"; "UTC" if the document names none, "" for
// an unknown employer.
func (s *Set) Zone(employer string) string {
	if d := s.document(employer); d != nil {
		return d.zone
	}
	return ""
}

// Grants returns an employer's grants, sorted by id. The caller owns the result.
func (s *Set) Grants(employer string) []Grant {
	d := s.document(employer)
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
	d := s.document(employer)
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
	d := s.document(employer)
	if d == nil {
		return nil
	}
	list := make([]Requirement, len(d.approvals))
	for i, a := range d.approvals {
		list[i] = a.Requirement
		list[i].Seats, list[i].Not = slices.Clone(a.Seats), slices.Clone(a.Not)
		list[i].Escalate.Seats = slices.Clone(a.Escalate.Seats)
	}
	return list
}

// Rules returns the ids of an employer's rules, sorted. The caller owns the result.
func (s *Set) Rules(employer string) []string {
	d := s.document(employer)
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
	if d := s.document(employer); d != nil {
		return slices.Clone(d.tests)
	}
	return nil
}
