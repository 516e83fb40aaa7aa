package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
)

// Golden directories are logs that a version wrote and every later one must read. They are made once, with
//
//	go test ./ledger -run TestGolden -golden v2
//
// where v2 does not exist yet, and never again.
var golden = flag.String("golden", "", "make the golden directories of a new format version")

// TestGoldenDirectories opens copies of all of them and compares what they say, and goes on writing.
func TestGoldenDirectories(t *testing.T) {
	if *golden != "" {
		makeGolden(t, filepath.Join("testdata", "ledgers", *golden))
	}
	sums, err := filepath.Glob(filepath.Join("testdata", "ledgers", "v*", "*.sum"))
	require.NoError(t, err)
	require.NotEmpty(t, sums)
	for _, sum := range sums {
		t.Run(strings.TrimSuffix(sum, ".sum"), func(t *testing.T) {
			want, err := os.ReadFile(sum)
			require.NoError(t, err)
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(dir, os.DirFS(strings.TrimSuffix(sum, ".sum"))))

			l, err := ledger.OpenDir(t.Context(), dir, nil)
			require.NoError(t, err)
			assert.Equal(t, string(want), stateHash(t, l))
			_, err = l.Append(t.Context(), ledger.Append{Stream: "later", Type: "opened", Key: "later", Expect: ledger.NoStream})
			require.NoError(t, err)
			found, err := l.Verify(t.Context(), nil)
			require.NoError(t, err)
			assert.Empty(t, found.Faults)
			require.NoError(t, l.Close())
		})
	}
}

// stateHash is a digest of all that a log says: its entries, its root and its keys.
func stateHash(t *testing.T, l *ledger.Log) string {
	t.Helper()
	var all bytes.Buffer
	enc := json.NewEncoder(&all)
	for e, err := range l.Read(t.Context(), ledger.Query{}) {
		require.NoError(t, err)
		require.NoError(t, enc.Encode(e))
	}
	found, err := l.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, found.Faults)
	fmt.Fprintln(&all, found.Size, found.Root, found.Erased, l.Name(), l.VerifierKeys())
	sum := sha256.Sum256(all.Bytes())
	return hex.EncodeToString(sum[:]) + "\n"
}

// makeGolden writes one log that was closed, with a snapshot, and the same log as a process that died left it.
func makeGolden(t *testing.T, folder string) {
	t.Helper()
	require.NoDirExists(t, folder, "a released format is never written again")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	work := filepath.Join(t.TempDir(), "log")
	store, err := ledger.OpenDirStore(work, &ledger.DirOptions{SegmentBytes: 64 << 10})
	require.NoError(t, err)
	l, err := ledger.Open(t.Context(), store, &ledger.Options{Name: "golden.example/log"})
	require.NoError(t, err)
	goldenHistory(t, l)
	keep := func(name string) {
		require.NoError(t, os.CopyFS(filepath.Join(folder, name), os.DirFS(work)))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name+".sum"), []byte(stateHash(t, l)), 0o644))
	}
	keep("killed")
	require.NoError(t, l.Snapshot(t.Context()))
	_, err = l.Append(t.Context(), ledger.Append{Stream: "offer/3", Type: "offer.revised", Key: "behind the snapshot", Payload: []byte("more")})
	require.NoError(t, err)
	sum := stateHash(t, l)
	require.NoError(t, l.Close())
	require.NoError(t, os.CopyFS(filepath.Join(folder, "closed"), os.DirFS(work)))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "closed.sum"), []byte(sum), 0o644))
}

// goldenHistory uses everything that leaves a trace on the disk.
func goldenHistory(t *testing.T, l *ledger.Log) {
	t.Helper()
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for i := range 120 {
		batch := make([]ledger.Append, 1+i%5)
		for j := range batch {
			batch[j] = ledger.Append{
				Stream: fmt.Sprintf("offer/%d", (i+j)%7), Type: fmt.Sprintf("offer.%d", i%3), Key: fmt.Sprintf("%d/%d", i, j),
				Time: at.Add(time.Duration(i) * time.Minute), Payload: bytes.Repeat([]byte{byte(i)}, i*j),
			}
			if i%4 > 0 {
				batch[j].Subjects = []string{fmt.Sprintf("firm-%d", i%9), fmt.Sprintf("person-%d", j)}[:1+i%2]
			}
			if i%10 == 0 {
				batch[j].Public = map[string]string{"slot": fmt.Sprint(i), "kind": "totals"}
			}
		}
		_, err := l.Append(t.Context(), batch...)
		require.NoError(t, err)
	}
	_, err := l.Append(t.Context(), ledger.Append{Stream: "large", Type: "large", Key: "large", Payload: bytes.Repeat([]byte("x"), 100<<10)})
	require.NoError(t, err)
	_, err = l.Rotate(t.Context(), nil)
	require.NoError(t, err)
	_, err = l.Retire(t.Context(), l.VerifierKeys()[0].VerifierKey, nil)
	require.NoError(t, err)
	_, err = l.Shred(t.Context(), "firm-3", &ledger.ShredOptions{Reason: "asked for", Key: "shred-3", Time: at})
	require.NoError(t, err)
	_, err = l.Shred(t.Context(), "person-1", &ledger.ShredOptions{Reason: "asked for", Key: "shred-1", Time: at, KeepBlobs: true})
	require.NoError(t, err)
	_, err = l.Checkpoint(t.Context())
	require.NoError(t, err)
}
