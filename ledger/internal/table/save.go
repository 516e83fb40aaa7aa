package table

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
)

// ErrMalformed is wrapped by all errors of [Load] and [LoadColumn].
var ErrMalformed = errors.New("table: malformed")

// The form of a saved table: a magic of 16 bytes; the number of keys in the slots,
// whether there is a key of all zeros (0 or 1), and its number, each a u64; zeros up
// to byte 64; then the slots. A slot is a key and its number, or zeros. Integers
// are little-endian. The capacity follows from the number of keys and the number of
// slots from the length, so a table has one form.
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
	out := bufio.NewWriterSize(w, 64<<10)
	keys := uint64(v.count)
	var header [headerSize]byte
	copy(header[:], tableMagic)
	if v.zero.set {
		keys--
		header[24] = 1
		binary.LittleEndian.PutUint64(header[32:], v.zero.n)
	}
	binary.LittleEndian.PutUint64(header[16:], keys)
	_, _ = out.Write(header[:]) // a bufio.Writer keeps its first error for Flush
	limit, at := capacity(keys), uint64(0)
	for s := range v.slots() {
		if err := skip(out, max(at, home(s.hi, limit))-at); err != nil {
			return err
		}
		at = max(at, home(s.hi, limit)) + 1
		var b [slotSize]byte
		k := s.join()
		copy(b[:], k[:])
		binary.LittleEndian.PutUint64(b[16:], s.n)
		if _, err := out.Write(b[:]); err != nil {
			return err
		}
	}
	if err := skip(out, max(at, limit)-at); err != nil {
		return err
	}
	return out.Flush()
}

// skip writes empty slots.
func skip(w io.Writer, slots uint64) error {
	var zeros [64 * slotSize]byte
	for slots > 0 {
		n := min(slots, 64)
		if _, err := w.Write(zeros[:n*slotSize]); err != nil {
			return err
		}
		slots -= n
	}
	return nil
}

// base is a saved table, in place.
type base struct {
	data     []byte // slots
	capacity uint64
}

func (b *base) len() uint64 { return uint64(len(b.data)) / slotSize }

func (b *base) at(i uint64) slot {
	s := b.data[i*slotSize:][:slotSize]
	return slot{
		key{binary.BigEndian.Uint64(s), binary.BigEndian.Uint64(s[8:])},
		binary.LittleEndian.Uint64(s[16:]),
	}
}

func (b *base) get(k key) (uint64, bool) {
	for i := home(k.hi, b.capacity); i < b.len(); i++ {
		s := b.at(i)
		if s.key == k {
			return s.n, true
		}
		if s.empty() || k.less(s.key) {
			break
		}
	}
	return 0, false
}

// next returns the first slot from i on that is not empty, and the index after it,
// or an empty slot.
func (b *base) next(i uint64) (uint64, slot) {
	for ; i < b.len(); i++ {
		if s := b.at(i); !s.empty() {
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
	t := &Table{v: View{base: base{data: b[headerSize:len(b):len(b)]}, zero: zero{set == 1, n}, count: int(keys + set)}}
	if keys > t.v.base.len() || capacity(keys) > t.v.base.len() {
		return nil, fmt.Errorf("%w: %d keys in %d slots", ErrMalformed, keys, t.v.base.len())
	}
	t.v.base.capacity = capacity(keys)
	if err := t.v.base.check(keys); err != nil {
		return nil, err
	}
	return t, nil
}

// check reports whether the slots hold so many keys, each in its place. That is a
// local matter: a key after a gap is at home, one after a key is greater and not
// before its home.
func (b *base) check(keys uint64) error {
	var found, bad atomic.Uint64 // bad is the number of a wrong slot and one more
	part := func(from, to uint64) {
		n := uint64(0)
		for i := from; i < to; i++ {
			switch ok, empty := b.placed(i); {
			case !ok:
				bad.Store(i + 1)
				return
			case !empty:
				n++
			}
		}
		found.Add(n)
	}
	parts := min(uint64(runtime.GOMAXPROCS(0)), b.len()/4096+1)
	var wg sync.WaitGroup
	for p := range parts {
		wg.Go(func() { part(b.len()*p/parts, b.len()*(p+1)/parts) })
	}
	wg.Wait()
	if i := bad.Load(); i > 0 {
		return fmt.Errorf("%w: slot %d", ErrMalformed, i-1)
	}
	if found.Load() != keys {
		return fmt.Errorf("%w: %d keys instead of %d", ErrMalformed, found.Load(), keys)
	}
	return nil
}

// placed reports whether slot i holds what Save would write after what is before it.
func (b *base) placed(i uint64) (ok, empty bool) {
	s := b.at(i)
	if s.empty() {
		return s.n == 0 && i < b.capacity, true // nothing ends in a gap behind the capacity
	}
	h := home(s.hi, b.capacity)
	if i == 0 {
		return h == 0, false
	}
	before := b.at(i - 1)
	if before.empty() {
		return h == i, false
	}
	return h <= i && before.less(s.key), false
}
