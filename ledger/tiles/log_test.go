package tiles_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/tiles"
)

func batch(from, n int) (out []ledger.Append) {
	for i := range n {
		out = append(out, ledger.Append{
			Stream: fmt.Sprint("secret-stream-", i%7), Type: "secret.type", Key: fmt.Sprint("secret-key-", from+i),
			Subjects: []string{"secret-subject"}, Payload: []byte("secret payload"), Public: map[string]string{"n": fmt.Sprint(from + i)},
		})
	}
	return out
}

// A real log, exported while it grows, shredded in between: every folder is whole,
// extends the one before, and shows leaf records alone.
func TestLogExportsLeavesAlone(t *testing.T) {
	dir := t.TempDir()
	l, err := ledger.OpenDir(t.Context(), dir, &ledger.Options{Name: "market.example/log"})
	require.NoError(t, err)
	defer l.Close()
	out := t.TempDir()
	var before *tiles.Folder
	size := 0
	for i, n := range []int{0, 1, 254, 1, 1, 300} {
		if n > 0 {
			_, err := l.Append(t.Context(), batch(size, n)...)
			require.NoError(t, err)
		}
		size += n
		require.NoError(t, tiles.Export(t.Context(), l, out, nil))
		x, err := tiles.Open(os.DirFS(out), l.VerifierKey())
		require.NoError(t, err)
		require.Equal(t, uint64(size), x.Size())
		require.NoError(t, x.Verify(t.Context(), nil), "step %d", i)
		if before != nil {
			require.NoError(t, tiles.Consistent(t.Context(), before, x))
		}
		before = x
	}
	_, err = l.Rotate(t.Context(), nil)
	require.NoError(t, err)
	_, err = l.Shred(t.Context(), "secret-subject", nil)
	require.NoError(t, err)
	require.NoError(t, tiles.Export(t.Context(), l, out, nil))
	x, err := tiles.Open(os.DirFS(out), l.VerifierKeys()[0].VerifierKey)
	require.NoError(t, err, "the first key is enough while it is not retired")
	require.NoError(t, x.Verify(t.Context(), nil), "erasure leaves the tree alone")
	require.NoError(t, tiles.Consistent(t.Context(), before, x))

	once := t.TempDir()
	require.NoError(t, tiles.Export(t.Context(), l, once, nil))
	list := files(t, once)
	h := tiles.Handler(l, nil)
	leaves := 0
	for name, data := range list {
		assert.False(t, bytes.Contains(data, []byte("secret")), name)
		w := get(t, h, name)
		require.Equal(t, http.StatusOK, w.Code, name)
		require.Equal(t, string(data), w.Body.String(), name)
		leaves += strings.Count(string(data), "csss/ledger/leaf/v1")
	}
	assert.Equal(t, int(l.Size()), leaves)
	for i := range x.Size() {
		file, err := l.ExportReceipt(t.Context(), i)
		require.NoError(t, err)
		info, err := ledger.VerifyReceipt(file, l.VerifierKey())
		require.NoError(t, err)
		require.Equal(t, x.Root(), info.Root)
		if testing.Short() || i > 20 {
			break
		}
	}
}

// Appends, exports and requests at one time, each seeing a whole log.
func TestServingBesideAppends(t *testing.T) {
	l, err := ledger.OpenMemory(nil)
	require.NoError(t, err)
	defer l.Close()
	out := t.TempDir()
	h := tiles.Handler(l, nil)
	var group sync.WaitGroup
	group.Go(func() {
		for i := range 40 {
			_, err := l.Append(t.Context(), batch(i*25, 25)...)
			assert.NoError(t, err)
		}
	})
	group.Go(func() {
		for range 20 {
			assert.NoError(t, tiles.Export(t.Context(), l, out, &tiles.ExportOptions{Unsynced: true}))
			x, err := tiles.Open(os.DirFS(out), l.VerifierKey())
			if assert.NoError(t, err) {
				assert.NoError(t, x.Verify(t.Context(), nil))
			}
		}
	})
	group.Go(func() {
		for range 200 {
			w := get(t, h, "checkpoint")
			assert.Equal(t, http.StatusOK, w.Code)
			_, err := mustVerifier(t, l).Checkpoint(w.Body.Bytes())
			assert.NoError(t, err)
		}
	})
	group.Wait()
	require.NoError(t, tiles.Export(t.Context(), l, out, nil))
	x, err := tiles.Open(os.DirFS(out), l.VerifierKey())
	require.NoError(t, err)
	require.Equal(t, uint64(1000), x.Size())
	require.NoError(t, x.Verify(t.Context(), nil))
}

func mustVerifier(t testing.TB, l *ledger.Log) *ledger.Verifier {
	v, err := ledger.NewVerifier(l.VerifierKeys(), nil)
	require.NoError(t, err)
	return v
}
