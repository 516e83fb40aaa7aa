package match

import "math"

// EarthRadiusKM is the mean radius of the Earth (IUGG R1).
const EarthRadiusKM = 6371.0088

// DistanceKM returns the great-circle distance to q by the haversine formula,
// which errs by at most 0.6 % against the ellipsoid.
func (p Point) DistanceKM(q Point) float64 {
	rad := math.Pi / 180
	dLat, dLon := (q.Lat-p.Lat)*rad, (q.Lon-p.Lon)*rad
	a := math.Pow(math.Sin(dLat/2), 2) + math.Cos(p.Lat*rad)*math.Cos(q.Lat*rad)*math.Pow(math.Sin(dLon/2), 2)
	return 2 * EarthRadiusKM * math.Asin(math.Sqrt(min(1, a)))
}
