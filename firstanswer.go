package csss

import (
	"slices"

	"github.com/deeperpoint/csss/match"
)

// answeredAlready reports whether the first answer that a group got about an
// offer settles a question: it was no, it was yes to less, or it was yes under a
// need that is not known any more.
func (s *search) answeredAlready(first answer, full bool) bool {
	if !first.fit || first.full && !full {
		return true
	}
	asked := s.st.needs[first.need]
	return asked == nil || asked.need.Revision != first.revision || !asksNoMore(s.need, &asked.need)
}

// asksNoMore reports whether a need asks for nothing beyond what another need of
// the same group did, on anything that a private or a measured gate compares.
// What fitted the other then fits it as well, as long as nothing changes: the
// answer tells nothing new. Times and amounts count as more unless they are
// equal, because smaller lots and shorter windows can fail where larger ones fit.
func asksNoMore(n, than *match.Need) bool {
	return n.Currency == than.Currency && paysAtLeast(n.Ceiling, than.Ceiling) &&
		n.Quantity == than.Quantity && n.MinBlock <= than.MinBlock && (n.Partial || !than.Partial) &&
		n.From.Equal(than.From) && n.Until.Equal(than.Until) && n.Zone == than.Zone && slices.EqualFunc(n.Windows, than.Windows, sameWindow) &&
		n.Site == than.Site && (n.RadiusKM == 0 || than.RadiusKM > 0 && n.RadiusKM >= than.RadiusKM) && modeOr(than.Mode)&^modeOr(n.Mode) == 0 &&
		!slices.ContainsFunc(n.Credentials, func(c string) bool { return !slices.Contains(than.Credentials, c) }) &&
		!slices.ContainsFunc(n.Requires, func(r match.Requirement) bool { return !implied(r, than.Requires) })
}

// paysAtLeast compares ceilings; one that is not set is the highest.
func paysAtLeast(c, than match.Bound) bool {
	cents, set := c.Open()
	least, bounded := than.Open()
	return !set || bounded && cents >= least
}

// implied reports whether a requirement holds wherever others do. Terms are
// public on both sides, and left to their gate.
func implied(r match.Requirement, by []match.Requirement) bool {
	if len(r.Terms) > 0 {
		return true
	}
	return slices.ContainsFunc(by, func(b match.Requirement) bool {
		if b.Property != r.Property || b.Op != r.Op || b.Unit != r.Unit {
			return false
		}
		switch r.Op {
		case match.AtMost:
			return r.Value >= b.Value
		case match.AtLeast:
			return r.Value <= b.Value
		default:
			return r.Value == b.Value && r.Min == b.Min
		}
	})
}

func sameWindow(a, b match.Window) bool {
	return a.Zone == b.Zone && a.Start == b.Start && a.End == b.End && a.RRule == b.RRule && a.Productive == b.Productive && slices.Equal(a.Except, b.Except)
}
