package ledger_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
)

// What a decoder accepts is what the encoder writes, byte for byte.

func FuzzDecodeLeaf(f *testing.F) {
	f.Add(ledger.EncodeLeafTime(1))
	f.Add(ledger.EncodeLeafTime(-1))
	f.Add(append(ledger.EncodeLeafTime(1), 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, ok := ledger.DecodeLeaf(b); ok {
			require.Equal(t, b, l.Encode())
		}
	})
}

func FuzzDecodeHeader(f *testing.F) {
	f.Add(ledger.EncodeHeader("s"))
	f.Add(ledger.EncodeHeader("s", "p", "q"))
	f.Add(ledger.EncodeHeader("s", "q", "p"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if again, ok := ledger.DecodeHeader(b); ok {
			require.Equal(t, b, again)
		}
	})
}

func FuzzDecodeEntry(f *testing.F) {
	f.Add(ledger.EncodeEntry(ledger.Frame{Index: 3, Leaf: []byte("leaf"), Header: []byte("header"), Payload: []byte("payload")}))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, ok := ledger.DecodeEntry(b)
		if ok && !frame.Erased {
			require.Equal(t, b, ledger.EncodeEntry(frame))
		}
		if ok && frame.Erased {
			require.Nil(t, frame.Payload)
		}
	})
}

func FuzzDecodeTrailer(f *testing.F) {
	f.Add(ledger.EncodeTrailer(2, ledger.Head{Size: 5}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if first, h, ok := ledger.DecodeTrailer(b); ok {
			require.Equal(t, b, ledger.EncodeTrailer(first, h))
		}
	})
}

func FuzzDecodeSlot(f *testing.F) {
	f.Add(ledger.EncodeSlot(7, ledger.Head{Size: 5}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if turn, h, ok := ledger.DecodeSlot(b); ok {
			const used = 16 + 8 + 8 + 32 + 4
			require.Equal(t, b[:used], ledger.EncodeSlot(turn, h)[:used])
		}
	})
}

// A scan keeps whole batches and is the same on what it keeps.
func FuzzScanSegment(f *testing.F) {
	b := ledger.AppendSegment()
	b = ledger.AppendFrame(b, ledger.EncodeEntry(ledger.Frame{Index: 0, Leaf: []byte("leaf")}))
	b = ledger.AppendFrame(b, ledger.EncodeEntry(ledger.Frame{Index: 1, Leaf: []byte("leaf")}))
	b = ledger.AppendFrame(b, ledger.EncodeTrailer(0, ledger.Head{Size: 2}))
	f.Add(b)
	f.Add(ledger.AppendFrame(b, ledger.EncodeEntry(ledger.Frame{Index: 2})))
	f.Add(ledger.AppendFrame(b, ledger.EncodeTrailer(0, ledger.Head{Size: 2})))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		frames, heads, end := ledger.ScanSegment(b)
		if end <= int64(len(b)) {
			again, headsAgain, endAgain := ledger.ScanSegment(b[:end])
			require.Equal(t, []any{frames, heads, end}, []any{again, headsAgain, endAgain})
		} else {
			require.Zero(t, frames+heads)
		}
	})
}

func TestScanStopsAtTheLastTrailer(t *testing.T) {
	whole := ledger.AppendSegment()
	whole = ledger.AppendFrame(whole, ledger.EncodeEntry(ledger.Frame{Index: 0, Leaf: []byte("leaf")}))
	whole = ledger.AppendFrame(whole, ledger.EncodeTrailer(0, ledger.Head{Size: 1}))
	for what, more := range map[string][]byte{
		"entry without trailer": ledger.EncodeEntry(ledger.Frame{Index: 1}),
		"entry out of order":    ledger.EncodeEntry(ledger.Frame{Index: 2}),
		"trailer twice":         ledger.EncodeTrailer(0, ledger.Head{Size: 1}),
		"trailer of more":       ledger.EncodeTrailer(1, ledger.Head{Size: 2}),
		"neither":               {9},
	} {
		frames, heads, end := ledger.ScanSegment(ledger.AppendFrame(bytes.Clone(whole), more))
		require.Equal(t, []int{1, 1, len(whole)}, []int{frames, heads, int(end)}, what)
	}
	moved := append(bytes.Clone(whole), whole[len(whole)-57:]...) // a frame at another offset
	_, heads, _ := ledger.ScanSegment(moved)
	require.Equal(t, 1, heads)
}

func FuzzVerifyReceipt(f *testing.F) {
	file, l := receipt(f)
	other, err := l.ExportReceipt(f.Context(), 0)
	require.NoError(f, err)
	f.Add(file)
	f.Add(other)
	f.Add(file[:len(file)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := ledger.VerifyReceipt(b, l.VerifierKey())
		if err == nil {
			require.Less(t, info.Index, uint64(7))
		}
		_, err = ledger.VerifyReceipt(file, string(b))
		require.Error(t, err)
	})
}
