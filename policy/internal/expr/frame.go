package expr

import "time"

// Frame holds one request: for each slot of its [Table] a value, or that it is absent, or that it is withheld. A new frame
// and a reset one have every slot absent. Setting costs a few nanoseconds and allocates nothing; strings and lists are
// kept as they are given and must not change while the frame is in use.
//
// A frame may be read by several goroutines while none changes it. Setting a slot to a value of another kind than the
// table's panics: it is a fault of the program, not of its input.
type Frame struct {
	table *Table

	have   []uint64 // bit per slot: there, and not withheld
	hidden []uint64 // bit per slot: withheld

	strs  []string
	nums  []int64 // ints, durations in nanoseconds, bools as 0 and 1
	dbls  []float64
	times []instant
	lists [][]string
}

// instant is a point in time, without zone.
type instant struct {
	sec  int64 // since 1970
	nsec int32 // 0 to 999,999,999
}

func instantOf(t time.Time) instant { return instant{t.Unix(), int32(t.Nanosecond())} }

func (i instant) time() time.Time { return time.Unix(i.sec, int64(i.nsec)).UTC() }

func (i instant) compare(j instant) int {
	switch {
	case i.sec < j.sec:
		return -1
	case i.sec > j.sec:
		return 1
	}
	return int(i.nsec) - int(j.nsec)
}

// NewFrame returns a frame of the table, with every slot absent.
func (t *Table) NewFrame() *Frame {
	words := (len(t.rows) + 63) / 64
	f := new(roomyFrame)
	bits := carve(f.bits[:], 2*words)
	f.Frame = Frame{
		table: t, have: bits[:words:words], hidden: bits[words:],
		strs: carve(f.strs[:], t.sizes[String]), nums: carve(f.nums[:], t.sizes[Int]), dbls: carve(f.dbls[:], t.sizes[Double]),
		times: carve(f.times[:], t.sizes[Time]), lists: carve(f.lists[:], t.sizes[Strings]),
	}
	return &f.Frame
}

// roomyFrame is a frame with room for the values of a table of common size: what an evaluation reads stands together.
type roomyFrame struct {
	Frame
	bits  [2]uint64
	dbls  [2]float64
	nums  [8]int64
	strs  [14]string
	lists [6][]string
	times [4]instant
}

// carve returns n values of a room, or others where they do not fit.
func carve[T any](room []T, n int) []T {
	if n <= len(room) {
		return room[:n:n]
	}
	return make([]T, n)
}

// Table returns the table the frame was made for.
func (f *Frame) Table() *Table { return f.table }

// Reset makes every slot absent and forgets the values.
func (f *Frame) Reset() {
	clear(f.have)
	clear(f.hidden)
	clear(f.strs)
	clear(f.nums)
	clear(f.dbls)
	clear(f.times)
	clear(f.lists)
}

// CopyFrom makes f a copy of g, which must be of the same table. Strings and lists are shared.
func (f *Frame) CopyFrom(g *Frame) {
	if f.table != g.table {
		panic("expr: frames of two tables")
	}
	copy(f.have, g.have)
	copy(f.hidden, g.hidden)
	copy(f.strs, g.strs)
	copy(f.nums, g.nums)
	copy(f.dbls, g.dbls)
	copy(f.times, g.times)
	copy(f.lists, g.lists)
}

// Clone returns a copy. Strings and lists are shared.
func (f *Frame) Clone() *Frame {
	g := f.table.NewFrame()
	g.CopyFrom(f)
	return g
}

// Has reports whether a slot has a value and is not withheld.
func (f *Frame) Has(s Slot) bool { return f.have[s>>6]&(1<<(s&63)) != 0 }

// Withheld reports whether a slot is withheld.
func (f *Frame) Withheld(s Slot) bool { return f.hidden[s>>6]&(1<<(s&63)) != 0 }

// Withhold marks a slot as withheld: it reads as unknown, whatever its value, until it is set or unset.
func (f *Frame) Withhold(s Slot) {
	f.have[s>>6] &^= 1 << (s & 63)
	f.hidden[s>>6] |= 1 << (s & 63)
}

// Unset makes a slot absent.
func (f *Frame) Unset(s Slot) {
	f.have[s>>6] &^= 1 << (s & 63)
	f.hidden[s>>6] &^= 1 << (s & 63)
}

// put marks a slot as there and returns its place in the array of its kind.
func (f *Frame) put(s Slot, k Kind) uint16 {
	r := &f.table.rows[s]
	if r.Kind != k {
		panic("expr: a value of another kind than its slot's")
	}
	f.have[s>>6] |= 1 << (s & 63)
	f.hidden[s>>6] &^= 1 << (s & 63)
	return r.at
}

// SetString sets a slot of kind [String].
func (f *Frame) SetString(s Slot, v string) { f.strs[f.put(s, String)] = v }

// SetStrings sets a slot of kind [Strings].
func (f *Frame) SetStrings(s Slot, v []string) { f.lists[f.put(s, Strings)] = v }

// SetInt sets a slot of kind [Int].
func (f *Frame) SetInt(s Slot, v int64) { f.nums[f.put(s, Int)] = v }

// SetDuration sets a slot of kind [Duration].
func (f *Frame) SetDuration(s Slot, v time.Duration) { f.nums[f.put(s, Duration)] = int64(v) }

// SetTime sets a slot of kind [Time]. Zone and monotonic reading are dropped.
func (f *Frame) SetTime(s Slot, v time.Time) { f.times[f.put(s, Time)] = instantOf(v) }

// SetDouble sets a slot of kind [Double].
func (f *Frame) SetDouble(s Slot, v float64) { f.dbls[f.put(s, Double)] = v }

// SetBool sets a slot of kind [Bool].
func (f *Frame) SetBool(s Slot, v bool) {
	at := f.put(s, Bool)
	f.nums[at] = 0
	if v {
		f.nums[at] = 1
	}
}

// get returns the place of a slot that is there and of kind k.
func (f *Frame) get(s Slot, k Kind) (uint16, bool) {
	r := &f.table.rows[s]
	return r.at, r.Kind == k && f.Has(s)
}

// String returns the value of a slot of kind [String] that is there.
func (f *Frame) String(s Slot) (v string, ok bool) {
	if at, ok := f.get(s, String); ok {
		return f.strs[at], true
	}
	return "", false
}

// Strings returns the value of a slot of kind [Strings] that is there. The caller must not change it.
func (f *Frame) Strings(s Slot) (v []string, ok bool) {
	if at, ok := f.get(s, Strings); ok {
		return f.lists[at], true
	}
	return nil, false
}

// Int returns the value of a slot of kind [Int] that is there.
func (f *Frame) Int(s Slot) (v int64, ok bool) {
	if at, ok := f.get(s, Int); ok {
		return f.nums[at], true
	}
	return 0, false
}

// Duration returns the value of a slot of kind [Duration] that is there.
func (f *Frame) Duration(s Slot) (v time.Duration, ok bool) {
	if at, ok := f.get(s, Duration); ok {
		return time.Duration(f.nums[at]), true
	}
	return 0, false
}

// Time returns the value of a slot of kind [Time] that is there, in UTC.
func (f *Frame) Time(s Slot) (v time.Time, ok bool) {
	if at, ok := f.get(s, Time); ok {
		return f.times[at].time(), true
	}
	return time.Time{}, false
}

// Bool returns the value of a slot of kind [Bool] that is there.
func (f *Frame) Bool(s Slot) (v, ok bool) {
	if at, ok := f.get(s, Bool); ok {
		return f.nums[at] != 0, true
	}
	return false, false
}

// Number returns what a slot of kind [Int], [Duration], in nanoseconds, or [Bool], as 0 and 1, holds that is there.
func (f *Frame) Number(s Slot) (v int64, ok bool) {
	if r := &f.table.rows[s]; storage[r.Kind] == Int && f.Has(s) {
		return f.nums[r.at], true
	}
	return 0, false
}

// Double returns the value of a slot of kind [Double] that is there.
func (f *Frame) Double(s Slot) (v float64, ok bool) {
	if at, ok := f.get(s, Double); ok {
		return f.dbls[at], true
	}
	return 0, false
}
