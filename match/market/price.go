package market

import (
	"errors"
	"math"
	"math/bits"
	"slices"
)

// MinComparables is the least number of comparables that make a price.
const MinComparables = 3

// Grid is the public price grid: agreed prices are multiples of it, in cents
// per hour.
const Grid = 500

// NoCeiling is the ceiling of a side that named none.
const NoCeiling = math.MaxInt64

// ErrTooFew means that there are fewer than [MinComparables] comparables: the
// price must be set by hand.
var ErrTooFew = errors.New("market: too few comparables")

// ErrRange means that a value is negative, too large or not a number.
var ErrRange = errors.New("market: value out of range")

// An Estimate is the robust summary of comparable rates, in cents per hour,
// rounded half away from zero to the cent.
type Estimate struct {
	Median int64 `json:"median"`
	Q1     int64 `json:"q1"`
	Q3     int64 `json:"q3"`
	IQR    int64 `json:"iqr"` // Q3 − Q1, from the unrounded quartiles
	MAD    int64 `json:"mad"` // median absolute deviation from the unrounded median
	N      int   `json:"n"`
}

// EstimateOf summarises rates, which it does not modify. Quartiles interpolate linearly
// (type 7 of Hyndman and Fan 1996, R's default). It sorts a copy: O(n log n).
//
// It returns [ErrTooFew] for fewer than three rates (N is set all the same)
// and [ErrRange] if a rate is negative or above 2^53.
func EstimateOf(rates []int64) (Estimate, error) {
	e := Estimate{N: len(rates)}
	if len(rates) < MinComparables {
		return e, ErrTooFew
	}
	s := slices.Clone(rates)
	slices.Sort(s)
	if s[0] < 0 || s[len(s)-1] > 1<<53 {
		return e, ErrRange
	}
	med4, q1, q3 := quarters(s, 2), quarters(s, 1), quarters(s, 3)
	dev := make([]int64, len(s))
	for i, v := range s {
		dev[i] = abs(4*v - med4)
	}
	slices.Sort(dev)
	mid := len(dev) / 2
	mad8 := 2 * dev[mid]
	if len(dev)%2 == 0 {
		mad8 = dev[mid-1] + dev[mid]
	}
	e.Median, e.Q1, e.Q3 = roundDiv(med4, 4), roundDiv(q1, 4), roundDiv(q3, 4)
	e.IQR, e.MAD = roundDiv(q3-q1, 4), roundDiv(mad8, 8)
	return e, nil
}

// quarters returns four times the q-th quartile of sorted s, exactly: the
// type-7 position (n−1)·q/4 is a multiple of a quarter.
func quarters(s []int64, q int) int64 {
	pos := (len(s) - 1) * q
	i, frac := pos/4, int64(pos%4)
	if frac == 0 {
		return 4 * s[i]
	}
	return 4*s[i] + frac*(s[i+1]-s[i])
}

// Agree returns the price of the public [Grid] nearest to the comparables'
// median that lies in [floor, ceiling]; of two equally near ones the lower. A
// side without a bound passes 0 or [NoCeiling]. ok is false if no grid point
// lies between the bounds, and then the two sides do not fit.
//
// Since the result is a point of a public grid near a public median, it tells
// less about either bound than a split of their difference would.
func Agree(median, floor, ceiling int64) (price int64, ok bool) {
	floor = max(floor, 0)
	if ceiling < floor {
		return 0, false
	}
	lo := floor / Grid
	if floor%Grid != 0 {
		lo++
	}
	hi := ceiling / Grid
	if lo > hi {
		return 0, false
	}
	return min(max(nearestGrid(median), lo), hi) * Grid, true
}

// nearestGrid returns the index of the grid point nearest to v ≥ 0, ties
// downward.
func nearestGrid(v int64) int64 {
	v = max(v, 0)
	i := v / Grid
	if v%Grid > Grid/2 {
		i++
	}
	return i
}

// Fee returns rate × hours in cents, rounded half away from zero. rate is in
// cents per hour, milliHours in thousandths of an hour. A negative factor
// makes a negative fee, a credit. A product beyond 64 bits is cut to the
// largest magnitude that fits.
func Fee(rate, milliHours int64) int64 {
	negative := (rate < 0) != (milliHours < 0)
	hi, lo := bits.Mul64(magnitude(rate), magnitude(milliHours))
	lo, carry := bits.Add64(lo, 500, 0)
	hi += carry
	fee := uint64(math.MaxInt64)
	if hi < 1000 {
		q, _ := bits.Div64(hi, lo, 1000)
		fee = min(q, math.MaxInt64)
	}
	if negative {
		return -int64(fee)
	}
	return int64(fee)
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

// roundDiv divides rounding half away from zero; d > 0.
func roundDiv(n, d int64) int64 {
	if n < 0 {
		return -roundDiv(-n, d)
	}
	return n/d + (2*(n%d)+d)/(2*d)
}

func abs(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}
