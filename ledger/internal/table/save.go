package table

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// ErrMalformed is wrapped by all errors of [Load] and [LoadColumn].
var ErrMalformed = errors.New("table: malformed")

// The form of a saved table: a magic of 16 bytes; the number of keys in the slots,
// whether there is the greatest key (0 or 1), and its number, each a u64; zeros up to
// byte 64; then the slots. A slot is the complement of a key, most significant byte
// first, and its number, or zeros. The other integers are little-endian. The capacity
// follows from the number of keys, and the last slot is the gap behind capacity and
// keys, so a table has one form.
const (
	tableMagic = "csss/table/v1\x00\x00\x00"
	headerSize = 64
	slotSize   = 24
)

// capacity returns the capacity of a base with so many keys.
func capacity(keys uint64) uint64 { return keys + (keys+2)/3 }

// Save is [View.Save]. The table must not be written meanwhile.
func (t *Table) Save(w io.Writer) error { return t.v.Save(w) }

// Save writes the table in the form that [Load] reads, base and delta merged, in
// one pass through a buffer of 64 KiB: about 32 bytes per key. There is no checksum;
// package snapshot adds one. Errors are those of w.
func (v *View) Save(w io.Writer) error {
	keys := v.inSlots()
	out := slotWriter{w: w, buf: make([]byte, headerSize, 64<<10)}
	copy(out.buf, tableMagic)
	binary.LittleEndian.PutUint64(out.buf[16:], keys)
	if v.last.set {
		out.buf[24] = 1
		binary.LittleEndian.PutUint64(out.buf[32:], v.last.n)
	}
	limit, next := capacity(keys), uint64(0)
	for s := range v.slots() {
		for at := home(^s.hi, limit); next < at; next++ {
			out.add(slot{})
		}
		out.add(s)
		next++
	}
	for ; next < limit; next++ {
		out.add(slot{})
	}
	out.add(slot{})
	out.flush()
	return out.err
}

// slotWriter writes slots through a buffer, and nothing after an error.
type slotWriter struct {
	w   io.Writer
	buf []byte
	err error
}

func (o *slotWriter) add(s slot) {
	if len(o.buf)+slotSize > cap(o.buf) {
		o.flush()
	}
	o.buf = binary.BigEndian.AppendUint64(o.buf, s.hi)
	o.buf = binary.BigEndian.AppendUint64(o.buf, s.lo)
	o.buf = binary.LittleEndian.AppendUint64(o.buf, s.n)
}

func (o *slotWriter) flush() {
	if o.err == nil {
		_, o.err = o.w.Write(o.buf)
	}
	o.buf = o.buf[:0]
}

// base is a saved table, in place.
type base struct {
	data     []byte // slots; the last is a gap; nil in a table that was not loaded
	capacity uint64
	keys     uint64
}

func (b *base) slots() uint64 { return uint64(len(b.data)) / slotSize }

func (b *base) at(i uint64) slot {
	s := b.data[i*slotSize:][:slotSize]
	return slot{
		key{binary.BigEndian.Uint64(s), binary.BigEndian.Uint64(s[8:])},
		binary.LittleEndian.Uint64(s[16:]),
	}
}

// get returns the number of a key, and whether it is here. A gap is not.
func (b *base) get(k key) (uint64, bool) {
	if b.keys == 0 || k.gap() {
		return 0, false
	}
	i := home(^k.hi, b.capacity)
	for binary.BigEndian.Uint64(b.data[i*slotSize:]) > k.hi {
		i++
	}
	for b.at(i).before(k) {
		i++
	}
	if s := b.at(i); s.key == k {
		return s.n, true
	}
	return 0, false
}

// next returns the first slot from i on that is no gap, and the index behind it, or
// a gap.
func (b *base) next(i uint64) (uint64, slot) {
	for ; i < b.slots(); i++ {
		if s := b.at(i); !s.gap() {
			return i + 1, s
		}
	}
	return i, slot{}
}

// Load returns the table that Save wrote to b, ready to grow. It uses b in place; b
// must not change, and must stay mapped while the table or a view of it is used. It
// reads all of b once, on GOMAXPROCS goroutines that have ended when it returns, to
// check that every key is where Get looks for it. The error wraps [ErrMalformed].
func Load(b []byte) (*Table, error) {
	if len(b) < headerSize || string(b[:16]) != tableMagic || (len(b)-headerSize)%slotSize != 0 {
		return nil, fmt.Errorf("%w: no header, or part of a slot", ErrMalformed)
	}
	keys, set, n := binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:]), binary.LittleEndian.Uint64(b[32:])
	if set > 1 || set == 0 && n != 0 || [24]byte(b[40:headerSize]) != [24]byte{} {
		return nil, fmt.Errorf("%w: header", ErrMalformed)
	}
	data := base{data: b[headerSize:len(b):len(b)], capacity: capacity(keys), keys: keys}
	if keys > uint64(len(b)) || data.capacity >= data.slots() {
		return nil, fmt.Errorf("%w: %d keys in %d slots", ErrMalformed, keys, data.slots())
	}
	if err := data.check(); err != nil {
		return nil, err
	}
	return &Table{v: View{base: data, last: last{set == 1, n}}}, nil
}

// check reports whether the slots are those that Save writes. That is a local
// matter: a key behind a gap is at home, and one behind a key is greater and not
// before its home.
func (b *base) check() error {
	last := b.slots() - 1
	if !b.at(last).gap() || last > b.capacity && b.at(last-1).gap() {
		return fmt.Errorf("%w: the end is not one gap", ErrMalformed)
	}
	var keys, wrong atomic.Uint64
	parts := min(uint64(runtime.GOMAXPROCS(0)), last/4096+1)
	var wg sync.WaitGroup
	for p := range parts {
		wg.Go(func() {
			n, bad := b.checkPart(b.slots()*p/parts, b.slots()*(p+1)/parts)
			keys.Add(n)
			wrong.Or(bad)
		})
	}
	wg.Wait()
	if wrong.Load() != 0 {
		return fmt.Errorf("%w: a slot is not in its place", ErrMalformed)
	}
	if keys.Load() != b.keys {
		return fmt.Errorf("%w: %d keys instead of %d", ErrMalformed, keys.Load(), b.keys)
	}
	return nil
}

// checkPart counts the keys in some slots, and returns 0 if each slot follows the one
// before. It has no branches: where the gaps are is chance, and a processor that guesses
// takes three times as long.
func (b *base) checkPart(from, to uint64) (keys, bad uint64) {
	var before slot // the first slot follows a gap
	if from > 0 {
		before = b.at(from - 1)
	}
	wasKey := nonzero(before.hi | before.lo)
	for i := from; i < to; i++ {
		s := b.at(i)
		isKey := nonzero(s.hi | s.lo)
		offset := i - home(^s.hi, b.capacity) // from home; the top bit is set before home
		_, borrow := bits.Sub64(s.lo, before.lo, 0)
		_, greater := bits.Sub64(s.hi, before.hi, borrow) // the complement is less
		bad |= s.n &^ -isKey
		bad |= -isKey & (offset&^-wasKey | wasKey&(offset>>63|(greater^1)))
		keys += isKey
		before, wasKey = s, isKey
	}
	return keys, bad
}

// nonzero returns 1, or 0 for 0.
func nonzero(x uint64) uint64 { return (x | -x) >> 63 }
