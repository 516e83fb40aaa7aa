package ledger_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
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

// appendUntilKilled appends batches of one to five entries from four callers at
// once, shreds a subject and writes a snapshot now and then, and says of each
// acknowledged entry where it is and of each subject that it is gone.
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
	life := l.Size() // no key and no subject is used in two lives
	var wg sync.WaitGroup
	for caller := range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				if err := appendOne(ctx, l, fmt.Sprintf("%d-%d-%d", life, caller, n), n); err != nil {
					panic(err)
				}
			}
		})
	}
	wg.Wait()
}

// appendOne appends a batch whose entries say in their type how many it has.
func appendOne(ctx context.Context, l *ledger.Log, name string, n int) error {
	subject := "p" + name[:len(name)-1] // ten batches share one
	batch := make([]ledger.Append, n%5+1)
	for i := range batch {
		batch[i] = ledger.Append{
			Stream: fmt.Sprint("s", n%3), Type: fmt.Sprint(len(batch)), Key: fmt.Sprint(name, "/", i), Payload: []byte(name),
		}
		if i > 0 {
			batch[i].Subjects = []string{subject}
		}
	}
	receipts, err := l.Append(ctx, batch...)
	if err != nil {
		return err
	}
	for i, r := range receipts {
		fmt.Println(batch[i].Key, r.Index, r.Leaf)
	}
	switch n % 10 {
	case 4:
		return l.Snapshot(ctx)
	case 9:
		if _, err := l.Shred(ctx, subject, nil); err != nil {
			return err
		}
		fmt.Println("shredded", subject)
	}
	return nil
}

func TestKilledWriterLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	acknowledged, shredded := map[string]string{}, map[string]bool{}
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
			switch key, place, ok := strings.Cut(lines.Text(), " "); {
			case ok && key == "shredded":
				shredded[place] = true
			case ok && strings.HasSuffix(place, "="):
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
		sizes, erasures := map[string]int{}, 0
		for e, err := range l.Read(t.Context(), ledger.Query{}) {
			require.NoError(t, err)
			found[e.Key] = fmt.Sprint(e.Index, " ", e.Leaf)
			if e.Type == ledger.TypeShredded {
				erasures++
				continue
			}
			batch, _, _ := strings.Cut(e.Key, "/")
			sizes[batch+" of "+e.Type]++
			gone := len(e.Subjects) > 0 && shredded[e.Subjects[0]]
			require.False(t, gone && !e.Erased, "entry %s was shredded", e.Key)
			require.True(t, e.Erased || string(e.Payload) == batch, "payload of entry %s", e.Key)
		}
		require.GreaterOrEqual(t, erasures, len(shredded))
		for key, place := range acknowledged {
			require.Equal(t, place, found[key], "acknowledged entry %s", key)
		}
		for batch, have := range sizes {
			require.True(t, strings.HasSuffix(batch, fmt.Sprint(" of ", have)), "batch %s has %d entries", batch, have)
		}
		require.NoError(t, l.Close())
	}
	t.Logf("%d entries and %d erasures acknowledged", len(acknowledged), len(shredded))
}
