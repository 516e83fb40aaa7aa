package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/deeperpoint/csss/examples/bench/vecfile"
	"github.com/deeperpoint/csss/examples/bench/vecset"
)

// loadSet reads or makes the set. What is wrong with a file is the caller's.
func (b *vectorBench) loadSet(ctx context.Context) error {
	err := b.placeCache()
	if err != nil {
		return err
	}
	switch b.setName {
	case "", "fashion-mnist":
		if b.base != "" {
			b.set, err = b.readSet()
		} else {
			b.set, err = b.fashion(ctx)
		}
	case "s384":
		b.note("making s384 …")
		b.set, err = vecset.Clusters(ctx, b.rowsOf(vecset.ClusterRows), b.queries)
	case "w100":
		b.set, err = b.words(ctx)
	default:
		err = fmt.Errorf("-set %q is none of fashion-mnist, s384, w100", b.setName)
	}
	if err != nil {
		return blame(ctx, err)
	}
	if b.metric != "" {
		b.set.Metric = vecset.Metric(b.metric)
	}
	if err := errors.Join(b.set.Check(), b.set.Unit()); err != nil {
		return usageError{err}
	}
	if rows := b.set.Base.Rows(); rows < b.k {
		return usagef("-k %d is above the %d rows of the set", b.k, rows)
	}
	return nil
}

// blame says that an error is the caller's, unless the run was broken off.
func blame(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return usageError{err}
}

// rowsOf returns how many rows to take of so many.
func (b *vectorBench) rowsOf(all int) int {
	if b.limit > 0 {
		return min(b.limit, all)
	}
	return all
}

// readSet reads the files that the flags name.
func (b *vectorBench) readSet() (*vecset.Set, error) {
	name := strings.TrimSuffix(filepath.Base(b.base), ".gz")
	s := &vecset.Set{Name: strings.TrimSuffix(name, filepath.Ext(name)), Metric: vecset.L2}
	var err error
	b.note("reading %s …", s.Name)
	if s.Base, err = vecfile.OpenFloats(b.base, b.limit); err != nil {
		return nil, err
	}
	s.Queries, err = vecfile.OpenFloats(b.query, b.queries)
	return s, err
}

// fashion reads the pictures where Debian's package put them.
func (b *vectorBench) fashion(ctx context.Context) (*vecset.Set, error) {
	const pkg = "dataset-fashion-mnist"
	list, err := exec.CommandContext(ctx, "dpkg", "-L", pkg).Output()
	if err != nil {
		return nil, fmt.Errorf("package %s of Debian is not here: install it, or choose another -set: %w", pkg, err)
	}
	return vecset.Fashion(strings.Split(string(list), "\n"), b.limit, b.queries)
}

// words makes vectors from Debian's list of packages: of all that could be had,
// or of those that are here.
func (b *vectorBench) words(ctx context.Context) (*vecset.Set, error) {
	b.note("making w100 …")
	var failed error
	for _, list := range [][]string{{"apt-cache", "dumpavail"}, {"dpkg-query", "-s"}} {
		text, err := exec.CommandContext(ctx, list[0], list[1:]...).Output()
		if err == nil {
			var s *vecset.Set
			if s, err = vecset.Words(ctx, bytes.NewReader(text), b.queries); err == nil {
				s.Base = s.Base.Head(b.rowsOf(s.Base.Rows()))
				return s, nil
			}
		}
		failed = errors.Join(failed, fmt.Errorf("%s: %w", strings.Join(list, " "), err))
	}
	return nil, failed
}

// findTruth reads the true neighbours if their file is of all rows, and looks
// for them otherwise.
func (b *vectorBench) findTruth(ctx context.Context) error {
	if b.gt != "" {
		t, err := vecfile.OpenTruth(b.gt)
		if err != nil {
			return usageError{err}
		}
		err = vecset.CheckTruth(b.set, t, b.k)
		if err == nil {
			b.truth = t
			return nil
		}
		if b.limit == 0 {
			return usagef("%s: %w", b.gt, err)
		}
		b.note("%s is of more rows than -limit: %v", b.gt, err)
	}
	b.note("true neighbours …")
	var err error
	b.truth, err = vecset.CachedTruth(ctx, b.cache, b.set, max(b.k, annTruth), b.tenths("true neighbours of %d of %d queries", b.set.Queries.Rows()))
	return err
}

// tenths returns what notes each tenth of so many that are done, whoever calls
// it.
func (b *vectorBench) tenths(format string, all int) func(done int) {
	var one sync.Mutex
	told := 0
	return func(done int) {
		one.Lock()
		defer one.Unlock()
		if tenth := 10 * done / all; tenth > told {
			told = tenth
			b.note(format, done, all)
		}
	}
}
