package ledger_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
)

const killedDir = "LEDGER_TEST_KILLED_DIR"

// TestMain also serves as the child that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv(killedDir); dir != "" {
		appendUntilKilled(dir)
	}
	os.Exit(m.Run())
}

// appendUntilKilled appends batches of one to five entries and says of each
// acknowledged entry where it is.
func appendUntilKilled(dir string) {
	ctx := context.Background()
	store, err := ledger.OpenDirStore(dir, &ledger.DirOptions{SegmentBytes: 8 << 10})
	if err != nil {
		panic(err)
	}
	l, err := ledger.Open(ctx, store, nil)
	if err != nil {
		panic(err)
	}
	for n := l.Size(); ; {
		batch := make([]ledger.Append, n%5+1)
		for i := range batch {
			batch[i] = ledger.Append{
				Stream: fmt.Sprint("s", n%3), Type: "t", Key: fmt.Sprint(n, "/", i), Payload: []byte(strconv.Itoa(len(batch))),
				Subjects: []string{fmt.Sprint("p", n%17)},
			}
		}
		receipts, err := l.Append(ctx, batch...)
		if err != nil {
			panic(err)
		}
		for i, r := range receipts {
			fmt.Println(batch[i].Key, r.Index, r.Leaf)
		}
		n += uint64(len(batch))
	}
}

func TestKilledWriterLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	acknowledged := map[string]string{}
	for round := range rounds {
		acknowledgedBefore := len(acknowledged)
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), killedDir+"="+dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		lines := bufio.NewScanner(out)
		var fuse *time.Timer
		for lines.Scan() {
			if fuse == nil { // from the first acknowledgement on, so that there is one
				fuse = time.AfterFunc(time.Duration(20+17*round)*time.Millisecond, func() { child.Process.Kill() })
			}
			if key, place, ok := strings.Cut(lines.Text(), " "); ok && strings.HasSuffix(place, "=") {
				acknowledged[key] = place
			}
		}
		require.NotNil(t, fuse, "the child never appended")
		require.Error(t, child.Wait(), "killed")
		require.Greater(t, len(acknowledged), acknowledgedBefore)

		l := openDir(t, dir)
		_, err = l.Verify(t.Context(), nil)
		require.NoError(t, err)
		found := map[string]string{}
		sizes := map[string]int{}
		for e, err := range l.Read(t.Context(), ledger.Query{}) {
			require.NoError(t, err)
			found[e.Key] = fmt.Sprint(e.Index, " ", e.Leaf)
			batch, _, _ := strings.Cut(e.Key, "/")
			sizes[batch+" of "+string(e.Payload)]++
		}
		for key, place := range acknowledged {
			require.Equal(t, place, found[key], "acknowledged entry %s", key)
		}
		for batch, have := range sizes {
			require.True(t, strings.HasSuffix(batch, fmt.Sprint(" of ", have)), "batch %s has %d entries", batch, have)
		}
		require.NoError(t, l.Close())
	}
	t.Logf("%d entries acknowledged", len(acknowledged))
}
