package main

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"time"

	"github.com/deeperpoint/csss/examples/bench/load"
)

// rawBytes is what one raw write has at most. No disk is faster with more.
const rawBytes = 16 << 20

// rawEngine is the control: one pwrite and one fdatasync per group over a file
// whose blocks are all written already, which is the least that a log can do.
type rawEngine struct {
	f       *os.File
	group   []byte
	entries int // of a group
	at, end int64
	groups  int
}

// openRaw fills a file with zeros and syncs it. A group has so many entries, or
// as many as fit into rawBytes; each takes the bytes of a frame of the ledger,
// and the group those of a trailer.
func openRaw(dir string, entries int, size frameSize) (*rawEngine, error) {
	entries = max(1, min(entries, int((rawBytes-size.trailer)/size.frame)))
	r := &rawEngine{entries: entries, group: make([]byte, int64(entries)*size.frame+size.trailer)}
	r.end = max(4<<20, 4*int64(len(r.group)))
	_, _ = rand.Read(r.group) // never fails
	f, err := os.OpenFile(filepath.Join(dir, "raw"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	r.f = f
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < r.end; at += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros, at); err != nil {
			return nil, err
		}
	}
	return r, f.Sync()
}

func (r *rawEngine) run(ctx context.Context, d time.Duration) (load.Sample, error) {
	return load.Measure(func() (int, []time.Duration, error) {
		var latencies []time.Duration
		until := time.Now().Add(d)
		for len(latencies) == 0 || time.Now().Before(until) {
			if err := ctx.Err(); err != nil {
				return 0, nil, err
			}
			begin := time.Now()
			if err := r.write(); err != nil {
				return 0, nil, err
			}
			latencies = append(latencies, time.Since(begin))
		}
		r.groups += len(latencies)
		return len(latencies) * r.entries, latencies, nil
	})
}

// write puts one group behind the last one, and begins again at the start when
// the file is full: an overwritten block costs what a zero-filled one costs.
func (r *rawEngine) write() error {
	if r.at+int64(len(r.group)) > r.end {
		r.at = 0
	}
	if _, err := r.f.WriteAt(r.group, r.at); err != nil {
		return err
	}
	r.at += int64(len(r.group))
	return syncData(r.f)
}

func (r *rawEngine) close(line *pointLine) error {
	line.Groups, line.EntriesPerGroup = r.groups, figure(r.entries)
	line.BytesPerEntry = figure(float64(len(r.group)) / float64(r.entries))
	return r.f.Close()
}
