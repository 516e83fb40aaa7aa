package main

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/deeperpoint/csss/examples/bench/load"
)

func TestEachPeerIsOpenedRunAndClosed(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(engines)) {
		t.Run(name, func(t *testing.T) {
			b := bench{running: map[string]*running{}}
			dir := t.TempDir()
			open := ask(t, b, load.Ask{Do: "open", Engine: name, Dir: dir, Seed: 1, Payload: 300, Writers: 4, Batch: 60})
			if open.Version == "" {
				t.Error("no version")
			}
			s := ask(t, b, load.Ask{Do: "run", Engine: name, Seconds: 0.02}).Sample
			if s.Entries < 240 || s.Entries%60 != 0 || len(s.Latencies) != s.Entries/60 {
				t.Errorf("%d entries in %d calls", s.Entries, len(s.Latencies))
			}
			if end := ask(t, b, load.Ask{Do: "close", Engine: name}); end.Bytes < int64(300*s.Entries) {
				t.Errorf("%d bytes for %d entries", end.Bytes, s.Entries)
			}
			if n := count(t, name, dir); n != s.Entries {
				t.Errorf("%d entries are there, %d were counted", n, s.Entries)
			}
			if _, err := b.answer(load.Ask{Do: "run", Engine: name}); err == nil {
				t.Error("ran after it was closed")
			}
		})
	}
}

func TestKeysAreUnique(t *testing.T) {
	for _, name := range []string{"sqlite", "bbolt"} {
		s, err := engines[name].open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		batch := load.NewSource(1, 10, false).Writers(1)[0].Next(60)
		if err := s.commit([][]load.Entry{batch}); err != nil {
			t.Error(name, err)
		}
		if err := s.commit([][]load.Entry{batch[3:4]}); err == nil {
			t.Error(name, "took a key twice")
		}
		if err := s.close(); err != nil {
			t.Error(name, err)
		}
	}
}

func TestWaitingCallsShareATransaction(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	var sizes []int
	g := newGroup(func(batches [][]load.Entry) error {
		sizes = append(sizes, len(batches))
		if len(sizes) == 1 {
			close(begun)
			<-release
		}
		if len(batches) > 1 {
			return fmt.Errorf("%d calls", len(batches))
		}
		return nil
	})
	var wg sync.WaitGroup
	var first error
	wg.Go(func() { first = g.append(context.Background(), 0, make([]load.Entry, 1)) })
	<-begun
	errs := make([]error, 5)
	for i := range errs {
		wg.Go(func() { errs[i] = g.append(context.Background(), 0, make([]load.Entry, 1)) })
	}
	for queued := 0; queued < len(errs); {
		g.mu.Lock()
		queued = len(g.waiting)
		g.mu.Unlock()
	}
	close(release)
	wg.Wait()
	if !slices.Equal(sizes, []int{1, 5}) || first != nil {
		t.Errorf("transactions of %v calls, first error %v", sizes, first)
	}
	for _, err := range errs {
		if err == nil || err.Error() != "5 calls" {
			t.Errorf("error %v", err)
		}
	}
}

func ask(t *testing.T, b bench, a load.Ask) load.Answer {
	t.Helper()
	answer, err := b.answer(a)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// count reads the store again.
func count(t *testing.T, name, dir string) (n int) {
	t.Helper()
	path := filepath.Join(dir, "entries.db")
	if name == "sqlite" {
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.QueryRow(`SELECT count(*) FROM entries WHERE length(hash) = 32`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bolt.Tx) error {
		n = tx.Bucket(boltEntries).Stats().KeyN
		if keys := tx.Bucket(boltKeys).Stats().KeyN; name == "bbolt" && keys != n {
			t.Errorf("%d keys of %d entries", keys, n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
