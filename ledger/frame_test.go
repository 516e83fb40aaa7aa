package ledger_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
)

const salt = 0x0123456789abcdef

func sampleFrame() ledger.Frame {
	return ledger.Frame{Leaf: bytes.Repeat([]byte("leaf"), 40)[:159], Header: bytes.Repeat([]byte("h"), 89), Payload: bytes.Repeat([]byte("p"), 316)}
}

// With the nonce, the tags and a header of ordinary names, an entry costs at most
// 120 bytes above its leaf and its plain payload.
func TestFramesCostLittle(t *testing.T) {
	f := sampleFrame()
	n := len(ledger.AppendEntry(nil, salt, 0, f))
	assert.Equal(t, 13, n-len(f.Leaf)-len(f.Header)-len(f.Payload))
	assert.LessOrEqual(t, n-len(f.Leaf)-(len(f.Payload)-16), 120)
}

func TestRecordsOfAllSizesComeBack(t *testing.T) {
	for _, leaf := range []int{1, 127, 128, 159, 1024} {
		for _, header := range []int{0, 1, 127, 128, 64 << 10} {
			for _, payload := range []int{0, 1, 16, 300, 1<<20 + 16} {
				f := ledger.Frame{Leaf: bytes.Repeat([]byte{1}, leaf), Header: bytes.Repeat([]byte{2}, header), Payload: bytes.Repeat([]byte{3}, payload)}
				b := ledger.AppendEntry(nil, salt, 99, f)
				r, ok := ledger.ParseRecord(append(b, 9), salt, 99)
				require.True(t, ok, "%d %d %d", leaf, header, payload)
				require.Equal(t, len(b), r.Size)
				require.True(t, bytes.Equal(f.Leaf, r.Frame.Leaf) && bytes.Equal(f.Header, r.Frame.Header) && bytes.Equal(f.Payload, r.Frame.Payload))
				_, ok = ledger.ParseRecord(b[:len(b)-1], salt, 99)
				require.False(t, ok)
			}
		}
	}
}

// A record is taken for one at its place only, and with every bit as it was.
func TestRecordsHoldAtTheirPlaceOnly(t *testing.T) {
	records := map[string][]byte{
		"entry":   ledger.AppendEntry(nil, salt, 1000, sampleFrame()),
		"trailer": ledger.AppendTrailer(nil, salt, 1000, 3, 1, ledger.Head{Size: 7}),
	}
	for what, b := range records {
		_, ok := ledger.ParseRecord(b, salt, 1000)
		require.True(t, ok, what)
		for offset := range int64(3000) {
			_, ok = ledger.ParseRecord(b, salt, offset)
			require.Equal(t, offset == 1000, ok, "%s moved to %d", what, offset)
		}
		_, ok = ledger.ParseRecord(b, salt+1, 1000)
		require.False(t, ok, "%s in another segment", what)
		for bit := range 8 * len(b) {
			b[bit/8] ^= 1 << (bit % 8)
			_, ok = ledger.ParseRecord(b, salt, 1000)
			require.False(t, ok, "%s with bit %d changed", what, bit)
			b[bit/8] ^= 1 << (bit % 8)
		}
	}
}

// The content of an entry can be zeroed in place, first byte of the check first.
func TestContentIsGoneWithTheFirstByteOfItsCheck(t *testing.T) {
	f := sampleFrame()
	b := ledger.AppendEntry(nil, salt, 0, f)
	check := len(b) - len(f.Payload) - 4
	b[check] = 0
	r, ok := ledger.ParseRecord(b, salt, 0)
	require.True(t, ok)
	require.False(t, r.Frame.Erased, "there is something left")
	require.Nil(t, r.Frame.Payload)
	clear(b[check:])
	r, ok = ledger.ParseRecord(b, salt, 0)
	require.True(t, ok)
	require.True(t, r.Frame.Erased)
	require.Equal(t, f.Leaf, r.Frame.Leaf)
	require.Equal(t, f.Header, r.Frame.Header)
	require.Nil(t, r.Frame.Payload)
}

// group builds groups of one entry each into the bytes of a segment.
func groups(n int, behind uint8) (b []byte, ends []int) {
	b = ledger.AppendSegmentHead(nil, salt)
	ends = append(ends, len(b))
	for i := range n {
		from := len(b)
		b = ledger.AppendEntry(b, salt, int64(len(b)), sampleFrame())
		b = ledger.AppendSecret(b, salt, int64(len(b)), ledger.Secret{Name: "n", Value: []byte{byte(i)}})
		b = ledger.AppendGroupEnd(b, salt, from, uint64(i+1), min(behind, uint8(i)), ledger.Head{Size: uint64(i + 1)})
		ends = append(ends, len(b))
	}
	return b, ends
}

func TestScanStopsAtTheLastWholeGroup(t *testing.T) {
	b, ends := groups(3, 1)
	zeros := make([]byte, 1000)
	entries, secrets, end, clean, _, err := ledger.ScanBytes(append(bytes.Clone(b), zeros...), 0)
	require.NoError(t, err)
	require.Equal(t, []any{3, 3, int64(len(b)), true}, []any{entries, secrets, end, clean})

	for cut := ends[2] + 1; cut < len(b); cut++ { // the third group is torn
		torn := append(bytes.Clone(b[:cut]), zeros...)
		entries, _, end, clean, later, err := ledger.ScanBytes(torn, 0)
		require.NoError(t, err)
		require.Equal(t, []any{2, int64(ends[2]), uint64(0)}, []any{entries, end, later}, "cut at %d", cut)
		require.False(t, clean)
	}
	hole := bytes.Clone(b) // in the second group: the third is whole, and was written when the first was acknowledged
	hole[ends[1]+50] ^= 1
	entries, _, end, clean, later, err := ledger.ScanBytes(hole, 0)
	require.NoError(t, err)
	require.Equal(t, []any{1, int64(ends[1]), false, uint64(1)}, []any{entries, end, clean, later})

	b, ends = groups(3, 0) // now the third says that the second was acknowledged
	b[ends[1]+50] ^= 1
	_, _, _, _, later, err = ledger.ScanBytes(b, 0)
	require.NoError(t, err)
	require.Equal(t, uint64(2), later)
}

// A group may not have lost a content unless the head remembers it.
func TestScanTakesMissingContentForTornOnlyBehindTheHead(t *testing.T) {
	b, ends := groups(2, 1)
	payload := ends[1] + 2 + 2 + 1 + 159 + 89 + 4
	clear(b[payload : payload+4+316])
	for remembered, want := range []int{1, 1, 2} {
		entries, _, _, _, _, err := ledger.ScanBytes(b, uint64(remembered))
		require.NoError(t, err)
		require.Equal(t, want, entries, "with group %d remembered", remembered)
	}
}

// A record of an earlier attempt at the same place does not complete a group.
func TestScanRefusesRecordsOfAnotherAttempt(t *testing.T) {
	b, ends := groups(1, 0)
	other := sampleFrame()
	other.Leaf[0] ^= 1
	stale := ledger.AppendEntry(nil, salt, int64(ends[0]), other)
	copy(b[ends[0]:], stale)
	entries, _, _, _, _, err := ledger.ScanBytes(b, 0)
	require.NoError(t, err)
	require.Zero(t, entries)
}

// A trailer counts the entries before it.
func TestScanRefusesAGroupOfAnotherSize(t *testing.T) {
	for size := range uint64(4) {
		b := ledger.AppendSegmentHead(nil, salt)
		from := len(b)
		for range 2 {
			b = ledger.AppendEntry(b, salt, int64(len(b)), sampleFrame())
		}
		b = ledger.AppendGroupEnd(b, salt, from, 1, 0, ledger.Head{Size: size})
		entries, _, _, _, _, err := ledger.ScanBytes(b, 0)
		require.NoError(t, err)
		require.Equal(t, size == 2, entries == 2)
	}
}

// What a decoder accepts is what the encoder writes, byte for byte.

func FuzzParseRecord(f *testing.F) {
	f.Add(ledger.AppendEntry(nil, salt, 5, sampleFrame()))
	f.Add(ledger.AppendEntry(nil, salt, 5, ledger.Frame{Leaf: []byte{1}}))
	f.Add(ledger.AppendSecret(nil, salt, 5, ledger.Secret{Name: "n", Value: []byte("v")}))
	f.Add(ledger.AppendTrailer(nil, salt, 5, 1, 0, ledger.Head{Size: 1}))
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, ok := ledger.ParseRecord(b, salt, 5)
		if ok {
			require.Equal(t, b[:r.Size], ledger.EncodeRecord(b, salt, 5))
		}
	})
}

func FuzzDecodeSlot(f *testing.F) {
	f.Add(ledger.EncodeSlot(7, ledger.Head{Size: 5}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if again, ok := ledger.SlotRoundTrip(b); ok {
			require.Equal(t, b, again)
		}
	})
}

func FuzzDecodeSecret(f *testing.F) {
	f.Add("n", ledger.EncodeSecret("n", []byte("value")))
	f.Add("n", ledger.EncodeSecret("other", nil))
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		if again, ok := ledger.SecretRoundTrip(name, b); ok {
			require.Equal(t, b, again)
		}
	})
}

func FuzzDecodeIndex(f *testing.F) {
	f.Add(ledger.EncodeIndex())
	f.Fuzz(func(t *testing.T, b []byte) {
		if again, ok := ledger.IndexRoundTrip(b); ok {
			require.Equal(t, b, again)
		}
	})
}

// A scan ends within the bytes and finds the same again in what it keeps.
func FuzzScanSegment(f *testing.F) {
	b, ends := groups(3, 1)
	f.Add(b)
	f.Add(b[:ends[2]+9])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, secrets, end, _, _, err := ledger.ScanBytes(b, 0)
		require.NoError(t, err)
		require.LessOrEqual(t, end, int64(len(b)))
		if end == 0 {
			return
		}
		again, secretsAgain, endAgain, clean, _, err := ledger.ScanBytes(b[:end], 0)
		require.NoError(t, err)
		require.Equal(t, []any{entries, secrets, end, true}, []any{again, secretsAgain, endAgain, clean})
	})
}
