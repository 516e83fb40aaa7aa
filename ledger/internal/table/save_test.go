package table_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger/internal/table"
)

// bytesOf returns the saved form of a table of so many uniform keys.
func bytesOf(t require.TestingT, n uint64, greatest bool) []byte {
	next := keys(n)
	var tab table.Table
	for i := range n {
		tab.Put(next(), i)
	}
	if greatest {
		tab.Put(table.Key(bytes.Repeat([]byte{255}, 16)), 9)
	}
	var b bytes.Buffer
	require.NoError(t, tab.Save(&b))
	return b.Bytes()
}

func TestOnlyTheFormThatIsWrittenIsLoaded(t *testing.T) {
	const header, slot = 64, 24
	good := bytesOf(t, 40, true)
	_, err := table.Load(good)
	require.NoError(t, err)
	refused := func(what string, change func(b []byte) []byte) {
		t.Helper()
		_, err := table.Load(change(bytes.Clone(good)))
		assert.ErrorIs(t, err, table.ErrMalformed, what)
	}
	for i := range header {
		if i < 32 || i >= 40 { // the number of the greatest key may be any
			refused("header", func(b []byte) []byte { b[i] ^= 0x40; return b })
		}
	}
	for n := range good {
		refused("shorter", func(b []byte) []byte { return b[:n] })
	}
	refused("longer", func(b []byte) []byte { return append(b, make([]byte, slot)...) })
	refused("number without a key", func(b []byte) []byte { b[24] = 0; return b })
	refused("more keys than numbers", func(b []byte) []byte {
		binary.LittleEndian.PutUint64(b[16:], 1<<64-1)
		return b
	})
	slots := (len(good) - header) / slot
	at := func(b []byte, i int) []byte { return b[header+i*slot:][:slot] }
	for i := range slots {
		if bytes.Equal(at(good, i), make([]byte, slot)) {
			refused("number in a gap", func(b []byte) []byte { at(b, i)[16] = 1; return b })
			continue
		}
		refused("key gone", func(b []byte) []byte { clear(at(b, i)); return b })
		refused("key at another home", func(b []byte) []byte { at(b, i)[0] ^= 0x80; return b })
		if i+1 < slots && !bytes.Equal(at(good, i+1), make([]byte, slot)) {
			refused("two keys exchanged", func(b []byte) []byte {
				copy(at(b, i), at(good, i+1))
				copy(at(b, i+1), at(good, i))
				return b
			})
			refused("one key twice", func(b []byte) []byte { copy(at(b, i+1)[:16], at(good, i)); return b })
		}
	}
}

// failing fails to write from byte n on.
type failing struct{ n int }

var errNoRoom = errors.New("no room")

func (f *failing) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, errNoRoom
	}
	return len(p), nil
}

func TestSavingReportsTheWriter(t *testing.T) {
	next := keys(11)
	var tab table.Table
	var col table.Column
	for i := range uint32(20_000) {
		tab.Put(next(), uint64(i))
		col.Append(i)
	}
	var a, b bytes.Buffer
	require.NoError(t, tab.Save(&a))
	require.NoError(t, col.Save(&b))
	for _, n := range []int{0, 63, 70_000, a.Len() - 1} {
		assert.ErrorIs(t, tab.Save(&failing{n}), errNoRoom, "table after %d bytes", n)
	}
	for _, n := range []int{0, 63, 20_000, b.Len() - 1} {
		assert.ErrorIs(t, col.Save(&failing{n}), errNoRoom, "column after %d bytes", n)
	}
	assert.NoError(t, tab.Save(&failing{a.Len()}))
	assert.NoError(t, col.Save(&failing{b.Len()}))
}

func FuzzLoad(f *testing.F) {
	for _, n := range []uint64{0, 1, 3, 12} {
		f.Add(bytesOf(f, n, false))
		f.Add(bytesOf(f, n, true))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		tab, err := table.Load(b)
		if err != nil {
			if !errors.Is(err, table.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		var again bytes.Buffer
		if err := tab.Save(&again); err != nil || !bytes.Equal(again.Bytes(), b) {
			t.Fatal("another form of the same table was accepted", err)
		}
		same(t, maps.Collect(tab.All()), tab, tab.All())
	})
}

func TestAColumnIsASlice(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	col, want := new(table.Column), []uint32(nil)
	type frozen struct {
		view table.ColumnView
		n    int
	}
	var views []frozen
	for _, grow := range []int{0, 1, 4095, 1, 1, 5000, 10_000} {
		for range grow {
			x := rnd.Uint32()
			col.Append(x)
			want = append(want, x)
		}
		views = append(views, frozen{col.View(), len(want)})
		if grow == 1 || grow == 5000 {
			var b bytes.Buffer
			require.NoError(t, col.Save(&b))
			again, err := table.LoadColumn(b.Bytes())
			require.NoError(t, err)
			col = again
		}
		require.EqualValues(t, len(want), col.Len())
		for i, x := range want {
			require.Equal(t, x, col.At(uint64(i)))
		}
		for _, v := range views {
			require.EqualValues(t, v.n, v.view.Len())
			for i, x := range want[:v.n] {
				require.Equal(t, x, v.view.At(uint64(i)))
			}
			require.Panics(t, func() { v.view.At(uint64(v.n)) })
		}
	}
	require.Panics(t, func() { new(table.Column).At(0) })
}

func TestOnlyTheFormOfAColumnIsLoaded(t *testing.T) {
	var col table.Column
	col.Append(7)
	col.Append(8)
	var b bytes.Buffer
	require.NoError(t, col.Save(&b))
	good := b.Bytes()
	for i := range 64 {
		bad := bytes.Clone(good)
		bad[i] ^= 0x40
		_, err := table.LoadColumn(bad)
		assert.ErrorIs(t, err, table.ErrMalformed, "byte %d of the header", i)
	}
	for n := range good {
		_, err := table.LoadColumn(good[:n])
		assert.ErrorIs(t, err, table.ErrMalformed, "%d bytes of %d", n, len(good))
	}
	_, err := table.LoadColumn(append(good, 0))
	assert.ErrorIs(t, err, table.ErrMalformed)
	huge := bytes.Clone(good[:64])
	binary.LittleEndian.PutUint64(huge[16:], 1<<62) // values that take 2^64 bytes
	_, err = table.LoadColumn(huge)
	assert.ErrorIs(t, err, table.ErrMalformed)
}

func TestAColumnIsReadBesideItsWriter(t *testing.T) {
	var col table.Column
	views, done := make(chan table.ColumnView, 8), make(chan bool)
	go func() {
		defer close(done)
		for v := range views {
			for i := range v.Len() {
				if v.At(i) != uint32(i) {
					t.Errorf("value %d is %d", i, v.At(i))
					return
				}
			}
		}
	}()
	for i := range uint32(30_000) {
		col.Append(i)
		if i%1000 == 0 {
			views <- col.View()
		}
	}
	close(views)
	<-done
}

func FuzzLoadColumn(f *testing.F) {
	var col table.Column
	for i := range uint32(4) {
		var b bytes.Buffer
		require.NoError(f, col.Save(&b))
		f.Add(b.Bytes())
		col.Append(i)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		col, err := table.LoadColumn(b)
		if err != nil {
			if !errors.Is(err, table.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		for i := range col.Len() {
			if want := binary.LittleEndian.Uint32(b[64+4*i:]); col.At(i) != want {
				t.Fatalf("value %d is %d, not %d", i, col.At(i), want)
			}
		}
		var again bytes.Buffer
		if err := col.Save(&again); err != nil || !bytes.Equal(again.Bytes(), b) {
			t.Fatal("another form of the same column was accepted", err)
		}
	})
}
