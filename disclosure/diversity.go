package disclosure

import (
	"math/bits"
	"slices"
)

// Distinct l-diversity (Machanavajjhala et al., ACM TKDD 1(1), 2007): a class
// whose members all say the same of a hidden field does not hide it.

// diversity is the fewest values that a Sensitive field which a text hides has
// in the text's class; 0 without such a field.
func (s *Summarizer) diversity(class bitmap, fields []FieldChoice) int {
	least := 0
	for i, f := range s.schema {
		if f.Class != Sensitive || slices.ContainsFunc(fields, func(c FieldChoice) bool { return c.Field == f.Name }) {
			continue
		}
		values := 0
		for k, bearers := range s.labels {
			if k.field == i && k.level == 0 && and(nil, class, bearers).count() > 0 {
				values++
			}
		}
		if values > 0 && (least == 0 || values < least) {
			least = values
		}
	}
	return least
}

// diverse reports whether each Sensitive field that no summary tells of has L
// values in the class, or none at all. A larger class is never less diverse, so
// a search may cut what is not.
func (s *Summarizer) diverse(class bitmap) bool {
	if s.opt.L <= 1 {
		return true
	}
	for _, f := range s.schema {
		if f.Class == Sensitive && !f.told() && len(f.Levels) > 0 {
			if n := s.values(class, f); n > 0 && n < s.opt.L {
				return false
			}
		}
	}
	return true
}

// values counts the finest labels of a field in a class, and no farther than L.
func (s *Summarizer) values(class bitmap, f Field) int {
	seen := map[string]bool{}
	for i, w := range class {
		for ; w != 0; w &= w - 1 {
			l := s.slots[i*64+bits.TrailingZeros64(w)].Listing
			for _, label := range labelsOf(f, 0, s.termsOf(l, f), l.Numbers) {
				seen[label] = true
			}
			if len(seen) >= s.opt.L {
				return len(seen)
			}
		}
	}
	return len(seen)
}
