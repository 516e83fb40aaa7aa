package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/deeperpoint/csss/examples/bench/load"
	"github.com/deeperpoint/csss/ledger"
)

// frameSize is what the file engine writes: for each entry, and for each group
// beside its entries.
type frameSize struct{ frame, trailer, leaf int64 }

// framesLine is the line of csss/frames.
type framesLine struct {
	Engine   string `json:"engine"`
	Names    int    `json:"name_bytes"`     // of stream, type and key
	Payload  int    `json:"payload_bytes"`  // before it is sealed
	Leaf     int64  `json:"leaf_bytes"`     // of the record in the tree
	Frame    int64  `json:"frame_bytes"`    // of an entry in the file
	Overhead int64  `json:"overhead_bytes"` // Frame without Leaf and Payload
	Trailer  int64  `json:"trailer_bytes"`  // of a group
}

// measureFrames appends groups of one entry and of many, and looks how far the
// file was written.
func (b *ledgerBench) measureFrames(ctx context.Context) error {
	const many, times = 256, 8
	dir, err := b.folder("frames")
	if err != nil {
		return err
	}
	log, err := ledger.OpenDir(ctx, dir, nil)
	if err != nil {
		return err
	}
	writer := b.source().Writers(1)[0]
	var written [3]int64
	for i, batch := range []int{1, 1, many} {
		for range times {
			if err := appendBatch(ctx, log, writer, batch); err != nil {
				return errors.Join(err, log.Close())
			}
		}
		if written[i], err = usedBytes(dir); err != nil {
			return errors.Join(err, log.Close())
		}
	}
	if b.frame.leaf, err = leafBytes(ctx, log); err != nil {
		return errors.Join(err, log.Close())
	}
	single, group := (written[1]-written[0]+times/2)/times, (written[2]-written[1]+times/2)/times
	b.frame.frame = (group - single + (many-1)/2) / (many - 1)
	b.frame.trailer = single - b.frame.frame
	if b.frame.frame <= 0 || b.frame.trailer < 0 {
		return fmt.Errorf("a group of 1 takes %d bytes and one of %d takes %d", single, many, group)
	}
	line := framesLine{
		Engine: "csss/frames", Names: load.NameBytes, Payload: b.payload,
		Leaf: b.frame.leaf, Frame: b.frame.frame, Trailer: b.frame.trailer,
		Overhead: b.frame.frame - b.frame.leaf - int64(b.payload),
	}
	b.row("frame: %d bytes = leaf %d + payload %d + %d; trailer of a group: %d bytes", line.Frame, line.Leaf, line.Payload, line.Overhead, line.Trailer)
	return errors.Join(b.line(line), log.Close())
}

// appendBatch appends the next entries of a writer.
func appendBatch(ctx context.Context, log *ledger.Log, w *load.Writer, n int) error {
	appends := make([]ledger.Append, n)
	fill(appends, w.Next(n))
	_, err := log.Append(ctx, appends...)
	return err
}

// leafBytes returns the length of a leaf record.
func leafBytes(ctx context.Context, log *ledger.Log) (int64, error) {
	for leaf, err := range log.Leaves(ctx, 0, 1) {
		return int64(len(leaf)), err
	}
	return 0, errors.New("log has no leaf")
}

// usedBytes returns how many bytes of the segments of a log's folder were
// written: all up to the zeros that files are filled with in advance.
func usedBytes(dir string) (n int64, err error) {
	paths, err := filepath.Glob(filepath.Join(dir, "segments", "*.seg"))
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		used, err := writtenBytes(path)
		if err != nil {
			return 0, err
		}
		n += used
	}
	return n, nil
}

// writtenBytes returns the length of a file without the zeros at its end.
func writtenBytes(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	chunk := make([]byte, 1<<20)
	for end > 0 {
		b := chunk[:min(end, int64(len(chunk)))]
		if _, err := f.ReadAt(b, end-int64(len(b))); err != nil {
			return 0, err
		}
		if rest := bytes.TrimRight(b, "\x00"); len(rest) > 0 {
			return end - int64(len(b)-len(rest)), nil
		}
		end -= int64(len(b))
	}
	return 0, nil
}
