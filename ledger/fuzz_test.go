package ledger_test

import (
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
