package snapshot_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/ledger/internal/snapshot"
)

// sections returns a section per entry, each written in pieces of an odd size.
func sections(m map[string][]byte) []snapshot.Section {
	var out []snapshot.Section
	for name, data := range m {
		out = append(out, snapshot.Section{Name: name, Write: func(w io.Writer) error {
			for part := range slices.Chunk(data, 100_003) {
				if _, err := w.Write(part); err != nil {
					return err
				}
			}
			return nil
		}})
	}
	return out
}

func encode(t require.TestingT, m map[string][]byte) []byte {
	var b bytes.Buffer
	require.NoError(t, snapshot.Write(&b, sections(m)...))
	return b.Bytes()
}

// noise returns n bytes that do not repeat.
func noise(n int) []byte {
	b := make([]byte, n)
	rnd := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = rnd.Read(b)
	return b
}

func TestWhatIsWrittenIsOpened(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{0, 1, 63, 64, 65, 1<<20 - 1, 1 << 20, 1<<20 + 1})
		want := map[string][]byte{}
		for _, name := range rapid.SliceOfNDistinct(rapid.StringN(1, 20, snapshot.MaxName), 0, 5, rapid.ID).Draw(t, "names") {
			want[name] = noise(size.Draw(t, "size"))
		}
		b := encode(t, want)
		got, err := snapshot.Open(b)
		require.NoError(t, err)
		require.True(t, maps.EqualFunc(want, got, bytes.Equal))
		require.True(t, bytes.Equal(b, encode(t, got)), "another order, the same bytes")
	})
}

func TestSectionsBeginAtMultiplesOf64(t *testing.T) {
	b := encode(t, map[string][]byte{"a": noise(1), "b": noise(100), "c": nil, "d": noise(64), "e": noise(7)})
	got, err := snapshot.Open(b)
	require.NoError(t, err)
	for name, data := range got {
		if len(data) > 0 {
			assert.Zero(t, bytes.Index(b, data)%64, name)
		}
		assert.Equal(t, len(data), cap(data), "appending to a section must not write into the next")
	}
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	good := encode(t, map[string][]byte{"hashes": noise(130), "keys": noise(64), "none": nil})
	for i := range good {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			_, err := snapshot.Open(bad)
			require.ErrorIs(t, err, snapshot.ErrCorrupt, "bit %d of byte %d", bit, i)
		}
	}
	for n := range good {
		_, err := snapshot.Open(good[:n])
		require.ErrorIs(t, err, snapshot.ErrCorrupt, "%d bytes of %d", n, len(good))
		_, err = snapshot.Open(good[n+1:])
		require.ErrorIs(t, err, snapshot.ErrCorrupt, "without the first %d bytes", n+1)
	}
	_, err := snapshot.Open(append(bytes.Clone(good), 0))
	require.ErrorIs(t, err, snapshot.ErrCorrupt)
	_, err = snapshot.Open(append(bytes.Clone(good), good...))
	require.ErrorIs(t, err, snapshot.ErrCorrupt, "two in a row")
}

func TestDamageIsFoundInEveryBlock(t *testing.T) {
	const mib = 1 << 20
	good := encode(t, map[string][]byte{"large": noise(5*mib + 17), "other": noise(3 * mib), "small": noise(9)})
	for _, at := range []struct {
		offset int
		name   string
	}{{0, "large"}, {mib - 1, "large"}, {mib, "large"}, {3*mib + 5, "large"}, {5*mib + 16, "large"}, {5*mib + 64, "other"}, {8*mib + 63, "other"}, {8*mib + 64, "small"}} {
		bad := bytes.Clone(good)
		bad[64+at.offset] ^= 4
		_, err := snapshot.Open(bad)
		require.ErrorIs(t, err, snapshot.ErrCorrupt, "offset %d", at.offset)
		require.ErrorContains(t, err, fmt.Sprintf("%q", at.name), "offset %d", at.offset)
	}
}

func TestOpeningLeavesNoGoroutines(t *testing.T) {
	b := encode(t, map[string][]byte{"a": noise(8 << 20)})
	before := runtime.NumGoroutine()
	for range 20 {
		_, err := snapshot.Open(b)
		require.NoError(t, err)
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond) // one that has said it is done may still be leaving
	}
	t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func TestSectionsThatCannotBeWritten(t *testing.T) {
	none := func(io.Writer) error { return nil }
	many := make([]snapshot.Section, snapshot.MaxSections+1)
	for i := range many {
		many[i] = snapshot.Section{Name: fmt.Sprint(i), Write: none}
	}
	for what, list := range map[string][]snapshot.Section{
		"no name":   {{Name: "", Write: none}},
		"long name": {{Name: strings.Repeat("x", snapshot.MaxName+1), Write: none}},
		"twice":     {{Name: "a", Write: none}, {Name: "b", Write: none}, {Name: "a", Write: none}},
		"too many":  many,
	} {
		var b bytes.Buffer
		assert.ErrorIs(t, snapshot.Write(&b, list...), snapshot.ErrSections, what)
		assert.Zero(t, b.Len(), what)
	}
	var b bytes.Buffer
	require.NoError(t, snapshot.Write(&b, many[1:]...))
	got, err := snapshot.Open(b.Bytes())
	require.NoError(t, err)
	assert.Len(t, got, snapshot.MaxSections)
}

var errNoRoom = errors.New("no room")

// failing fails to write from byte n on.
type failing struct{ n int }

func (f *failing) Write(p []byte) (int, error) {
	if len(p) > f.n {
		n := f.n
		f.n = 0
		return n, errNoRoom
	}
	f.n -= len(p)
	return len(p), nil
}

func TestWritingReportsWhatWentWrong(t *testing.T) {
	all := map[string][]byte{"a": noise(300_000), "b": noise(1000)}
	size := len(encode(t, all))
	for _, n := range []int{0, 63, 70_000, 300_064, 301_080, size - 1} {
		assert.ErrorIs(t, snapshot.Write(&failing{n}, sections(all)...), errNoRoom, "after %d bytes", n)
	}
	assert.NoError(t, snapshot.Write(&failing{size}, sections(all)...))
	broken := snapshot.Section{Name: "x", Write: func(io.Writer) error { return errNoRoom }}
	assert.ErrorIs(t, snapshot.Write(io.Discard, broken), errNoRoom)
}

// TestADirectoryIsNotBelieved opens snapshots whose directory has its checksum and says
// what no writer says.
func TestADirectoryIsNotBelieved(t *testing.T) {
	zeros := func(n int) uint32 { return crc32.Checksum(make([]byte, n), crc32.MakeTable(crc32.Castagnoli)) }
	entry := func(name string, n uint64, sums ...uint32) []byte {
		d := append([]byte{byte(len(name))}, name...)
		d = binary.LittleEndian.AppendUint64(d, n)
		for _, sum := range sums {
			d = binary.LittleEndian.AppendUint32(d, sum)
		}
		return d
	}
	for _, c := range []struct {
		what string
		data int // zeros behind the header
		dir  []byte
		ok   bool
	}{
		{"a control", 64, entry("a", 64, zeros(64)), true},
		{"a section with padding", 64, entry("a", 63, zeros(63)), true},
		{"two sections", 128, append(entry("a", 64, zeros(64)), entry("b", 64, zeros(64))...), true},
		{"a section of nothing", 0, entry("a", 0), true},
		{"the longest name", 0, entry(strings.Repeat("x", 64), 0), true},
		{"huge section", 64, entry("a", 1<<64-1), false},
		{"rounded to nothing", 64, entry("a", 1<<64-63), false},
		{"too large", 64, entry("a", 65, zeros(65)), false},
		{"padding cut off", 70, entry("a", 66, zeros(66)), false},
		{"no checksum", 64, entry("a", 64), false},
		{"a wrong checksum", 64, entry("a", 64, 1), false},
		{"a checksum more", 64, entry("a", 64, zeros(64), 0), false},
		{"no name", 64, entry("", 64, zeros(64)), false},
		{"long name", 64, entry(strings.Repeat("x", 65), 64, zeros(64)), false},
		{"name cut off", 64, []byte{9, 'a'}, false},
		{"length cut off", 64, []byte{1, 'a', 64}, false},
		{"out of order", 128, append(entry("b", 64, zeros(64)), entry("a", 64, zeros(64))...), false},
		{"twice", 128, append(entry("a", 64, zeros(64)), entry("a", 64, zeros(64))...), false},
		{"data left over", 64, entry("a", 0), false},
	} {
		b := append(encode(t, nil)[:64], make([]byte, c.data)...)
		_, err := snapshot.Open(seal(b, c.dir))
		if c.ok {
			assert.NoError(t, err, c.what)
		} else {
			assert.ErrorIs(t, err, snapshot.ErrCorrupt, c.what)
		}
	}
}

// seal puts a directory, its length and its checksum behind header and sections.
func seal(b, dir []byte) []byte {
	b = slices.Concat(b, dir, binary.LittleEndian.AppendUint32(nil, uint32(len(dir))))
	covered := slices.Concat(b[:64], b[len(b)-4-len(dir):])
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(covered, crc32.MakeTable(crc32.Castagnoli)))
}

// FuzzOpen opens bytes as they come, and once more with the checksums that make them
// believed: a mutation seldom gets them right.
func FuzzOpen(f *testing.F) {
	for _, m := range []map[string][]byte{nil, {"a": nil}, {"a": noise(3), "b": noise(70)}} {
		f.Add(encode(f, m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, resealed(b)} {
			got, err := snapshot.Open(b)
			if err != nil {
				if !errors.Is(err, snapshot.ErrCorrupt) {
					t.Fatal(err)
				}
				continue
			}
			if !bytes.Equal(b, encode(t, got)) {
				t.Fatal("another form of the same sections was accepted")
			}
		}
	})
}

// resealed returns b with a right header and a right checksum of its directory.
func resealed(b []byte) []byte {
	if len(b) < 72 {
		return nil
	}
	b = bytes.Clone(b)
	var empty bytes.Buffer
	_ = snapshot.Write(&empty)
	copy(b, empty.Bytes()[:64])
	n := int(binary.LittleEndian.Uint32(b[len(b)-8:]) % uint32(len(b)-71))
	at := len(b) - 8 - n
	return seal(b[:at], b[at:at+n])
}

func Example() {
	var file bytes.Buffer
	_ = snapshot.Write(&file,
		snapshot.Section{Name: "size", Write: func(w io.Writer) error {
			_, err := io.WriteString(w, "42")
			return err
		}},
		snapshot.Section{Name: "root", Write: func(w io.Writer) error {
			_, err := io.WriteString(w, "oak")
			return err
		}})

	sections, err := snapshot.Open(file.Bytes())
	fmt.Printf("%s %s %v\n", sections["root"], sections["size"], err)

	file.Bytes()[65] ^= 1
	_, err = snapshot.Open(file.Bytes())
	fmt.Println(err)
	// Output:
	// oak 42 <nil>
	// snapshot: corrupt: checksum of section "root"
}

func BenchmarkOpen(b *testing.B) {
	data := encode(b, map[string][]byte{"tree": make([]byte, 64<<20), "keys": make([]byte, 32<<20)})
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := snapshot.Open(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	all := sections(map[string][]byte{"tree": make([]byte, 64<<20)})
	b.SetBytes(64 << 20)
	for b.Loop() {
		_ = snapshot.Write(io.Discard, all...)
	}
}
