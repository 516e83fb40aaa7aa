package pgledger

import (
	"context"
	"encoding/binary"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/deeperpoint/csss/ledger"
)

// One query reads as many rows as make about chunkBytes, by what the last ones
// weighed.
const (
	firstChunk = 64
	maxChunk   = 4096
	chunkBytes = 4 << 20
)

// Read asks for the entries in chunks of about 4 MiB, each one query, and holds
// no connection while the caller works. A chunk that a lost connection cut off
// is asked for again. Errors: ledger.ErrRange, ledger.ErrCorrupt with the first
// entry that is missing below the head, ledger.ErrClosed, the context's, and those
// of [OpenConfig].
func (s *Store) Read(ctx context.Context, from, to uint64) iter.Seq2[ledger.Frame, error] {
	return func(yield func(ledger.Frame, error) bool) {
		for rows := chunk(nil); from < to; {
			if err := ctx.Err(); err != nil {
				yield(ledger.Frame{}, err)
				return
			}
			limit := rows.next(to - from)
			var err error
			if rows, err = s.chunk(ctx, rows[:0], from, from+limit); err != nil {
				yield(ledger.Frame{}, err)
				return
			}
			for _, f := range rows {
				if f.Index != from {
					break
				}
				from++
				if !yield(f, nil) {
					return
				}
			}
			if uint64(len(rows)) < limit && from < to {
				yield(ledger.Frame{}, s.missing(ctx, from))
				return
			}
		}
	}
}

type chunk []ledger.Frame

// next is how many rows to ask for after this chunk.
func (c chunk) next(left uint64) uint64 {
	if len(c) == 0 {
		return min(left, firstChunk)
	}
	bytes := 0
	for _, f := range c {
		bytes += len(f.Leaf) + len(f.Header) + len(f.Payload)
	}
	return min(left, uint64(max(1, min(maxChunk, len(c)*chunkBytes/max(1, bytes)))), uint64(4*len(c)))
}

func (s *Store) chunk(ctx context.Context, out chunk, from, to uint64) (chunk, error) {
	err := s.withConn(ctx, "read", func(ctx context.Context, c *pgx.Conn) error {
		out = out[:0]
		rows, err := c.Query(ctx, s.sql(`select pos, leaf, header, payload from {entry} where pos >= $1::bigint and pos < $2::bigint order by pos`),
			pgx.QueryResultFormats{pgx.BinaryFormatCode}, int64(from), int64(to))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			f, err := frame(rows)
			if err != nil {
				return err
			}
			out = append(out, f)
		}
		return rows.Err()
	})
	return out, err
}

// frame decodes a row. Without prepared statements the values come as text.
func frame(rows pgx.Rows) (f ledger.Frame, err error) {
	for _, field := range rows.FieldDescriptions() {
		if field.Format != pgx.BinaryFormatCode {
			err = rows.Scan(&f.Index, &f.Leaf, &f.Header, &f.Payload)
			f.Erased = f.Payload == nil
			return f, err
		}
	}
	return binaryFrame(rows.RawValues()), nil
}

// binaryFrame copies a row into one allocation.
func binaryFrame(raw [][]byte) ledger.Frame {
	mem := make([]byte, 0, len(raw[1])+len(raw[2])+len(raw[3]))
	field := func(b []byte) []byte {
		at := len(mem)
		mem = append(mem, b...)
		return mem[at:len(mem):len(mem)]
	}
	f := ledger.Frame{Index: binary.BigEndian.Uint64(raw[0]), Leaf: field(raw[1]), Header: field(raw[2])}
	if f.Erased = raw[3] == nil; !f.Erased {
		f.Payload = field(raw[3])
	}
	return f
}

// missing is the error of an entry that is not there.
func (s *Store) missing(ctx context.Context, index uint64) error {
	at, err := s.look(ctx, "read")
	switch {
	case err != nil:
		return err
	case index >= at.head.Size:
		return &ledger.RangeError{Field: "index", Value: index, Limit: at.head.Size}
	}
	return &ledger.CorruptError{Index: int64(index), What: "entry is missing below the head"}
}
