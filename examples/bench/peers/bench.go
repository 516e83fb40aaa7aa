package main

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/deeperpoint/csss/examples/bench/load"
)

// engines are the peers by name.
var engines = map[string]struct {
	module string // whose version is reported
	open   func(dir string) (store, error)
}{
	"sqlite":      {"modernc.org/sqlite", openSQLite},
	"bbolt":       {"go.etcd.io/bbolt", openBolt},
	"bbolt/plain": {"go.etcd.io/bbolt", openBoltPlain},
}

// store is one peer. Its methods are called by one goroutine at a time.
type store interface {
	// commit makes all batches durable in one transaction.
	commit(batches [][]load.Entry) error
	close() error
}

// bench holds the engines that are open.
type bench struct {
	running map[string]*running
}

// running is an engine between "open" and "close".
type running struct {
	store   store
	group   *group
	writers []*load.Writer
	batch   int
	dir     string
}

func (b bench) answer(ask load.Ask) (load.Answer, error) {
	if ask.Do == "open" {
		return b.open(ask)
	}
	r := b.running[ask.Engine]
	if r == nil {
		return load.Answer{}, fmt.Errorf("engine %q is not open", ask.Engine)
	}
	switch ask.Do {
	case "run":
		d := time.Duration(ask.Seconds * float64(time.Second))
		s, err := load.Run(context.Background(), r.writers, r.batch, d, r.group.append)
		return load.Answer{Sample: s}, err
	case "close":
		delete(b.running, ask.Engine)
		if err := r.store.close(); err != nil {
			return load.Answer{}, err
		}
		n, err := folderBytes(r.dir)
		return load.Answer{Bytes: n}, err
	}
	return load.Answer{}, fmt.Errorf("cannot %q", ask.Do)
}

func (b bench) open(ask load.Ask) (load.Answer, error) {
	e, known := engines[ask.Engine]
	switch {
	case !known:
		return load.Answer{}, fmt.Errorf("no engine %q", ask.Engine)
	case b.running[ask.Engine] != nil:
		return load.Answer{}, fmt.Errorf("engine %q is open", ask.Engine)
	}
	s, err := e.open(ask.Dir)
	if err != nil {
		return load.Answer{}, err
	}
	b.running[ask.Engine] = &running{
		store: s, group: newGroup(s.commit), dir: ask.Dir, batch: ask.Batch,
		writers: load.NewSource(ask.Seed, ask.Payload, ask.Follow).Writers(ask.Writers),
	}
	return load.Answer{Version: version(e.module)}, nil
}

func (b bench) closeAll() {
	for _, r := range b.running {
		_ = r.store.close() // the numbers are out, the folder is about to go
	}
}

// version returns the version of a module in this program.
func version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == module {
			return m.Version
		}
	}
	return ""
}

func folderBytes(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	return n, err
}
