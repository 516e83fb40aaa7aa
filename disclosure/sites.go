package disclosure

import (
	"math"
	"slices"
)

// A point is a place on the unit sphere. Squares of chords order distances
// without trigonometry, and are exact enough for neighbours.
type point [3]float64

func pointOf(lat, lon float64) point {
	sinLat, cosLat := math.Sincos(lat * math.Pi / 180)
	sinLon, cosLon := math.Sincos(lon * math.Pi / 180)
	return point{cosLat * cosLon, cosLat * sinLon, sinLat}
}

// chord2 is the square of the chord between two points.
func (p point) chord2(q point) float64 {
	x, y, z := p[0]-q[0], p[1]-q[1], p[2]-q[2]
	return x*x + y*y + z*z
}

// earthKM is the mean radius that the published distances are computed with.
const earthKM = 6371.0088

// chord2KM is the square of the chord under an arc of so many km.
func chord2KM(km float64) float64 {
	half := min(km/earthKM/2, math.Pi/2)
	return 4 * math.Sin(half) * math.Sin(half)
}

// sites finds the listings around a point. Space is cut into cubes, so poles
// and the date line are places like others.
type sites struct {
	reach float64 // the square of the chord asked about
	side  float64 // of a cell
	cells map[cell]*crowd
}

type cell [3]int32

// A crowd is the listings of a cell.
type crowd struct {
	residents []resident
	set       bitmap // the same, once there are many
}

type resident struct {
	slot int
	at   point
}

const (
	cellsPerReach = 5   // most cells of a disc lie wholly inside it and need no distances
	denseCell     = 256 // residents from which a set is quicker than a list
)

func newSites(km float64) sites {
	reach := chord2KM(km)
	return sites{reach: reach, side: max(math.Sqrt(reach)/cellsPerReach, 1e-6), cells: map[cell]*crowd{}}
}

func (g *sites) cellOf(p point) cell {
	var c cell
	for i, v := range p {
		c[i] = int32(math.Floor(v / g.side))
	}
	return c
}

func (g *sites) add(slot int, p point) {
	c := g.cellOf(p)
	in := g.cells[c]
	if in == nil {
		in = &crowd{}
		g.cells[c] = in
	}
	in.residents = append(in.residents, resident{slot, p})
	switch {
	case in.set != nil:
		in.set = in.set.with(slot)
	case len(in.residents) >= denseCell:
		for _, r := range in.residents {
			in.set = in.set.with(r.slot)
		}
	}
}

func (g *sites) remove(slot int, p point) {
	c := g.cellOf(p)
	in := g.cells[c]
	i := slices.IndexFunc(in.residents, func(r resident) bool { return r.slot == slot })
	last := len(in.residents) - 1
	in.residents[i] = in.residents[last]
	in.residents = in.residents[:last]
	in.set.without(slot)
	if last == 0 {
		delete(g.cells, c)
	}
}

// around puts the slots, of so many, that are within reach of p into dst, whose
// memory it reuses. It looks at the cells in use or at the cells in reach,
// whichever are fewer.
func (g *sites) around(dst bitmap, p point, slots int) bitmap {
	dst = dst.cleared((slots + 63) / 64)
	n := int32(math.Sqrt(g.reach)/g.side) + 1
	if wide := int(2*n + 1); len(g.cells) <= wide*wide*wide {
		for c, in := range g.cells {
			g.take(dst, c, in, p)
		}
		return dst
	}
	mid := g.cellOf(p)
	for x := mid[0] - n; x <= mid[0]+n; x++ {
		for y := mid[1] - n; y <= mid[1]+n; y++ {
			for z := mid[2] - n; z <= mid[2]+n; z++ {
				c := cell{x, y, z}
				if in := g.cells[c]; in != nil {
					g.take(dst, c, in, p)
				}
			}
		}
	}
	return dst
}

// take adds the residents of a cell that are within reach of p.
func (g *sites) take(dst bitmap, c cell, in *crowd, p point) {
	near, far := g.span(c, p)
	switch {
	case near > g.reach:
	case far <= g.reach && in.set != nil:
		or(dst, in.set)
	default:
		for i := range in.residents {
			if r := &in.residents[i]; r.at.chord2(p) <= g.reach {
				dst[r.slot/64] |= 1 << (r.slot % 64)
			}
		}
	}
}

// span is the squares of the distances of p to the nearest and the farthest
// point of a cell.
func (g *sites) span(c cell, p point) (near, far float64) {
	for i, v := range p {
		low := float64(c[i]) * g.side
		high := low + g.side
		a, b := max(low-v, v-high, 0), max(v-low, high-v)
		near += a * a
		far += b * b
	}
	return near, far
}
