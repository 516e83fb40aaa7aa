package disclosure

import (
	"fmt"
	"math"
)

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
func (s *Summarizer) place(l Listing, v Viewer, class bitmap, k, was int, again bool) int {
	viewer := s.groupNumber(v.Group)
	for rung := range rungNothing {
		if again && !contains(rung, was) || !s.within(l, l, v, rung) {
			continue
		}
		var b bitmap
		class.each(func(slot int) bool {
			if s.within(s.slots[slot].Listing, l, v, rung) {
				b = b.with(slot)
			}
			return true
		})
		if s.countGroups(b, viewer) >= k {
			return rung
		}
	}
	return rungNothing
}

// contains reports whether everything at rung was is also at rung r.
func contains(r, was int) bool {
	return r == was || r < rungFar && was < r || r == rungCountry && was == rungRegion
}

// within reports whether listing x is at the rung where l is.
func (s *Summarizer) within(x, l Listing, v Viewer, rung int) bool {
	switch rung {
	case rungRegion:
		return l.Region != "" && x.Region == l.Region
	case rungCountry:
		return l.Country != "" && x.Country == l.Country
	}
	if v.Lat == 0 && v.Lon == 0 || x.Lat == 0 && x.Lon == 0 {
		return false
	}
	d := distanceKM(v.Lat, v.Lon, x.Lat, x.Lon)
	if rung == rungFar {
		return d > bandsKM[rungFar-1]
	}
	return d <= bandsKM[rung]
}

// earthKM is the mean radius that the published distances are computed with.
const earthKM = 6371.0088

// distanceKM is the haversine distance of two points in degrees.
func distanceKM(lat1, lon1, lat2, lon2 float64) float64 {
	rad := math.Pi / 180
	dLat, dLon := (lat2-lat1)*rad/2, (lon2-lon1)*rad/2
	h := math.Pow(math.Sin(dLat), 2) + math.Cos(lat1*rad)*math.Cos(lat2*rad)*math.Pow(math.Sin(dLon), 2)
	return 2 * earthKM * math.Asin(math.Sqrt(min(1, h)))
}
