package main

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/deeperpoint/csss/examples/bench/load"
	"github.com/deeperpoint/csss/ledger"
)

// csssEngine is the ledger over its file engine, as [ledger.OpenDir] opens it.
type csssEngine struct {
	log     *ledger.Log
	dir     string
	count   *groupCount // nil where groups cannot be counted
	writers []*load.Writer
	batch   int
	appends [][]ledger.Append // of each writer
	entries int
}

func (b *ledgerBench) openCSSS(ctx context.Context, dir string, writers, batch int) (engine, error) {
	log, count, err := openCounted(ctx, dir)
	if err != nil {
		return nil, err
	}
	e := &csssEngine{
		log: log, dir: dir, count: count, batch: batch, appends: make([][]ledger.Append, writers),
		writers: b.source().Writers(writers),
	}
	for i := range e.appends {
		e.appends[i] = make([]ledger.Append, batch)
	}
	return e, nil
}

func (e *csssEngine) run(ctx context.Context, d time.Duration) (load.Sample, error) {
	s, err := load.Run(ctx, e.writers, e.batch, d, func(ctx context.Context, w int, batch []load.Entry) error {
		fill(e.appends[w], batch)
		_, err := e.log.Append(ctx, e.appends[w]...)
		return err
	})
	e.entries += s.Entries
	return s, err
}

// fill writes entries as appends that expect the stream where it is.
func fill(to []ledger.Append, from []load.Entry) {
	for i, e := range from {
		expect := ledger.NoStream
		if e.Version > 0 {
			expect = ledger.Exactly(e.Version)
		}
		to[i] = ledger.Append{Stream: e.Stream, Type: e.Type, Key: e.Key, Expect: expect, Payload: e.Payload}
	}
}

func (e *csssEngine) close(line *pointLine) error {
	if e.count != nil {
		line.Groups = int(e.count.groups.Load())
		line.EntriesPerGroup = figure(float64(e.entries) / float64(max(line.Groups, 1)))
	}
	n, err := usedBytes(e.dir)
	line.BytesPerEntry = figure(float64(n) / float64(max(e.entries, 1)))
	return errors.Join(err, e.log.Close())
}

// openCounted opens a log in a folder and counts the groups its store commits.
func openCounted(ctx context.Context, dir string) (*ledger.Log, *groupCount, error) {
	store, err := ledger.OpenDirStore(dir, nil)
	if err != nil {
		return nil, nil, err
	}
	counted, count := countGroups(store)
	log, err := ledger.Open(ctx, counted, nil)
	return log, count, err
}

// groupCount counts the groups that went to a store.
type groupCount struct{ groups atomic.Int64 }

// countGroups wraps a store and keeps its abilities. A store with only some of
// those that a file engine has stays as it is and is not counted.
func countGroups(s ledger.Store) (ledger.Store, *groupCount) {
	count := &groupCount{}
	pipeliner, pipelines := s.(ledger.Pipeliner)
	cacher, caches := s.(ledger.Cacher)
	_, follows := s.(ledger.Follower)
	switch {
	case pipelines && caches && !follows:
		return countedPipeline{countedStore{s, count}, cacher, pipeliner}, count
	case !pipelines && !caches && !follows:
		return countedStore{s, count}, count
	}
	return s, nil
}

// countedStore counts commits.
type countedStore struct {
	ledger.Store
	count *groupCount
}

// Commit counts, and commits.
func (s countedStore) Commit(ctx context.Context, b ledger.Batch) error {
	s.count.groups.Add(1)
	return s.Store.Commit(ctx, b)
}

// countedPipeline counts the groups of a store with a pipeline and a cache.
type countedPipeline struct {
	countedStore
	ledger.Cacher
	pipeliner ledger.Pipeliner
}

// Begin counts, and begins.
func (s countedPipeline) Begin(ctx context.Context, b ledger.Batch) (wait func() error, err error) {
	s.count.groups.Add(1)
	return s.pipeliner.Begin(ctx, b)
}
