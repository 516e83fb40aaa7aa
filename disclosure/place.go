package disclosure

import "fmt"

// The ladder of places, finest first: the bands within so many km, farther
// than the last of them, the region, the province or country, nothing.
var bandsKM = [...]float64{10, 25, 40, 60, 100, 200}

const (
	rungFar     = len(bandsKM)
	rungRegion  = rungFar + 1
	rungCountry = rungFar + 2
	rungNothing = rungFar + 3
)

func placeName(l Listing, rung int) string {
	switch rung {
	case rungFar:
		return fmt.Sprintf("> %g km", bandsKM[rungFar-1])
	case rungRegion:
		return l.Region
	case rungCountry:
		return l.Country
	case rungNothing:
		return ""
	}
	return fmt.Sprintf("≤ %g km", bandsKM[rung])
}

// place returns the finest rung at which k groups fit, the viewer's own left
// out. After an earlier view only rungs that contain the earlier one count:
// anything else could be intersected with it.
//
// It also reports whether k groups there work remotely too, so that a remote
// listing may be called so.
func (s *Summarizer) place(l Listing, v Viewer, class bitmap, k, was int, again bool) (rung int, remote bool) {
	viewer, own := s.groupNumber(v.Group), s.byID[l.ID]
	from := v.point()
	for rung := range rungNothing + 1 {
		if again && !contains(rung, was) || !s.within(own, l, from, rung) {
			continue
		}
		s.near = s.near.cleared(len(class))
		class.each(func(slot int) bool {
			if s.within(slot, l, from, rung) {
				s.near[slot/64] |= 1 << (slot % 64)
			}
			return true
		})
		if rung == rungNothing || s.enough(s.near, viewer, k) {
			s.near = and(s.near, s.near, s.remote)
			return rung, l.Remote && s.enough(s.near, viewer, k)
		}
	}
	return rungNothing, false
}

// contains reports whether everything at rung was is also at rung r.
func contains(r, was int) bool {
	return r == was || r == rungNothing || r < rungFar && was < r || r == rungCountry && was == rungRegion
}

// within reports whether the listing in a slot is at the rung where l is.
func (s *Summarizer) within(slot int, l Listing, from *point, rung int) bool {
	x := s.slots[slot]
	switch rung {
	case rungNothing:
		return true
	case rungRegion:
		return l.Region != "" && x.Region == l.Region
	case rungCountry:
		return l.Country != "" && x.Country == l.Country
	}
	if from == nil || !x.sited() {
		return false
	}
	d := s.points[slot].chord2(*from)
	if rung == rungFar {
		return d > bandChords[rungFar-1]
	}
	return d <= bandChords[rung]
}

// bandChords are the bands as squares of chords.
var bandChords = func() (out [len(bandsKM)]float64) {
	for i, km := range bandsKM {
		out[i] = chord2KM(km)
	}
	return out
}()

// point is the viewer's site, nil if it is not known.
func (v Viewer) point() *point {
	if v.Lat == 0 && v.Lon == 0 {
		return nil
	}
	p := pointOf(v.Lat, v.Lon)
	return &p
}
