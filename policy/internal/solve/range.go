package solve

import (
	"cmp"
	"math"
	"time"
)

// Number is a point of a discrete order: a whole number, a length of time in nanoseconds, a floating point number by its
// rank, or an instant in seconds and nanoseconds.
type Number struct {
	High int64
	Low  uint32
}

// Range is all numbers from Min to Max, both included.
type Range struct{ Min, Max Number }

// Scale is the order that the numbers of one kind lie in.
type Scale uint8

// The scales.
const (
	Whole   Scale = iota // Low is always zero
	Instant              // Low counts nanoseconds below 1e9
)

// The ends of the order.
var (
	Lowest  = Number{High: math.MinInt64}
	Highest = Number{High: math.MaxInt64, Low: math.MaxUint32}
)

// Int returns a whole number, or a duration in nanoseconds.
func Int(v int64) Number { return Number{High: v} }

// Double returns the rank of a finite floating point number. Both zeros have one rank.
func Double(v float64) Number {
	bits := int64(math.Float64bits(v))
	if bits < 0 {
		bits = math.MinInt64 - bits
	}
	return Number{High: bits}
}

// Time returns an instant.
func Time(t time.Time) Number { return Number{High: t.Unix(), Low: uint32(t.Nanosecond())} }

// Compare orders two numbers.
func (a Number) Compare(b Number) int {
	return cmp.Or(cmp.Compare(a.High, b.High), cmp.Compare(a.Low, b.Low))
}

const lastNano = 999_999_999

// After returns the next number, if there is one.
func (a Number) After(s Scale) (Number, bool) {
	switch {
	case s == Instant && a.Low < lastNano:
		return Number{a.High, a.Low + 1}, true
	case a.High == math.MaxInt64:
		return a, false
	}
	return Number{High: a.High + 1}, true
}

// Before returns the number before, if there is one.
func (a Number) Before(s Scale) (Number, bool) {
	switch {
	case s == Instant && a.Low > 0:
		return Number{a.High, a.Low - 1}, true
	case a.High == math.MinInt64:
		return a, false
	case s == Instant:
		return Number{a.High - 1, lastNano}, true
	}
	return Number{High: a.High - 1}, true
}

// Ordered returns the numbers that stand in one of the orders to v, as ranges.
func Ordered(s Scale, order uint8, v Number) []Range {
	var list []Range
	if before, ok := v.Before(s); ok && order&Less != 0 {
		list = append(list, Range{Lowest, before})
	}
	if order&Equal != 0 {
		list = append(list, Range{v, v})
	}
	if after, ok := v.After(s); ok && order&Greater != 0 {
		list = append(list, Range{after, Highest})
	}
	return join(s, list)
}

// join melts neighbouring ranges of an ascending list.
func join(s Scale, list []Range) []Range {
	var out []Range
	for _, r := range list {
		if n := len(out); n > 0 {
			if next, ok := out[n-1].Max.After(s); ok && next == r.Min {
				out[n-1].Max = r.Max
				continue
			}
		}
		out = append(out, r)
	}
	return out
}

// meet returns the numbers in both lists.
func meet(a, b []Range) []Range {
	var out []Range
	for i, j := 0, 0; i < len(a) && j < len(b); {
		low, high := a[i].Min, a[i].Max
		if b[j].Min.Compare(low) > 0 {
			low = b[j].Min
		}
		if b[j].Max.Compare(high) < 0 {
			high = b[j].Max
		}
		if low.Compare(high) <= 0 {
			out = append(out, Range{low, high})
		}
		if a[i].Max.Compare(b[j].Max) < 0 {
			i++
		} else {
			j++
		}
	}
	return out
}

// without returns the numbers outside the list. The ends of the order are never numbers of a request, so that the gaps
// before the first and after the last range may be open-ended.
func without(s Scale, list []Range) []Range {
	var out []Range
	low, more := Lowest, true
	for _, r := range list {
		if before, ok := r.Min.Before(s); ok && low.Compare(before) <= 0 {
			out = append(out, Range{low, before})
		}
		if low, more = r.Max.After(s); !more || r.Max == Highest {
			return out
		}
	}
	return append(out, Range{low, Highest})
}
