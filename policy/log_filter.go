package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"
)

// sealed names a set as a whole, for the log. It is worked out when it is first asked for.
type sealed struct {
	once  sync.Once
	print [32]byte
	cells []uint32 // of every category that a rule names, by employer and category: an order that any process finds
}

// setDomain begins what a set's fingerprint is taken of.
const setDomain = "csss.policy/set/v1\n"

// Fingerprint is SHA-256 over the employers and the digests of their documents, by employer: [Record.Set] of a filter. It
// is zero for a set without documents. It costs about a microsecond per document, once.
func (s *Set) Fingerprint() [32]byte {
	s.sealed.once.Do(s.seal)
	return s.sealed.print
}

func (s *Set) seal() {
	employers := s.Employers()
	if len(employers) == 0 {
		return
	}
	text := []byte(setDomain)
	for _, employer := range employers {
		doc := s.document(employer)
		text = append(binary.AppendUvarint(text, uint64(len(employer))), employer...)
		text = append(text, doc.digest[:]...)
		for _, category := range doc.headings() {
			if cell, ok := s.Cell(employer, category); ok {
				s.sealed.cells = append(s.sealed.cells, cell)
			}
		}
	}
	s.sealed.print = sha256.Sum256(text)
}

// headings are the categories that a document's rules name, sorted, with the empty one for rules that name none.
func (d *document) headings() []string {
	list := []string{""}
	for _, r := range d.rules {
		list = append(list, r.categories...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// cellsDomain begins what the digest of a filter's cells is taken of.
const cellsDomain = "csss.policy/cells/v1\n"

// cells is SHA-256 over what a filter allows, a bit per category that the set's rules name: [Record.Cells].
func (f *Filter) cells() [32]byte {
	if f.set == nil {
		return sha256.Sum256([]byte(cellsDomain))
	}
	f.set.Fingerprint()
	list := f.set.sealed.cells
	bits := make([]byte, (len(list)+7)/8)
	for i, cell := range list {
		if f.Allows(cell) {
			bits[i/8] |= 1 << (i % 8)
		}
	}
	return sha256.Sum256(append([]byte(cellsDomain), bits...))
}

// filter makes the filter of the request, with the open attributes.
func (c *content) filter(set *Set) (*Filter, Record) {
	q, err := set.Schema().Bind(&c.Request)
	if err != nil {
		q = nil // nothing matches
	}
	f := set.Filter(q, c.Open...)
	rec := Record{Kind: FilterRecord, Now: recordable(c.Request.Now), Set: set.Fingerprint(), Filter: f.Kind(), Cells: f.cells()}
	if actionIndex(c.Request.Action) >= 0 {
		rec.Action = c.Request.Action
	}
	return f, rec
}
