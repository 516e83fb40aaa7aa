package pgledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/deeperpoint/csss/ledger"
)

// errNotReplicated: the server cut its wait for the standby short. What was
// committed is on the primary and perhaps nowhere else.
var errNotReplicated = errors.New("pgledger: server did not wait for the synchronous standby")

// Batches of this many entries or bytes go by COPY: more round trips, less work
// per entry.
const (
	copyEntries = 1024
	copyBytes   = 4 << 20
)

// The compare-and-swap. Whoever waits for the row's lock sees the winner's size
// and changes nothing. The position of an entry is its place behind the size
// that was swapped, so there is none without its swap.
const (
	swapQuery = `update {head} set size = $3::bigint, root = $4::bytea, system = $6::bigint, timeline = $7::bigint
	where one and size = $1::bigint and root = $2::bytea and id = $5::bytea
	and not (system = $6::bigint and timeline > $7::bigint) and ($8::boolean or ` + safeSettings + `)`

	secretsQuery = `insert into {secret} (name, value) select * from unnest($1::text[], $2::bytea[])
	on conflict (name) do update set value = excluded.value`

	appendQuery = `with swapped as (` + swapQuery + ` returning one),
	added as (insert into {entry} (pos, leaf, header, payload)
		select $1::bigint + place - 1, leaf, header, payload
		from unnest($9::bytea[], $10::bytea[], $11::bytea[]) with ordinality as f (leaf, header, payload, place)
		where exists (select from swapped)),
	kept as (insert into {secret} (name, value) select name, value
		from unnest($12::text[], $13::bytea[]) as s (name, value) where exists (select from swapped)
		on conflict (name) do update set value = excluded.value)
	select count(*) from swapped`

	// A client that vanishes in the middle of a COPY must not keep the head's lock
	// for the hours that TCP waits by default.
	vanishQuery = `select set_config('tcp_keepalives_idle', '5', true), set_config('tcp_keepalives_interval', '5', true),
	set_config('tcp_keepalives_count', '3', true), set_config('idle_in_transaction_session_timeout', '15s', true)`

	copyQuery = `copy {entry} (pos, leaf, header, payload) from stdin binary`
)

// Commit writes the batch in one transaction: the compare-and-swap of the head,
// the entries, the secrets. A small batch is one round trip and one statement,
// so that the head's lock is held for no more than the server's own sync; a
// large one is a COPY.
//
// ledger.ErrFenced: another log was first. A connection that breaks does not
// leave the outcome open at once: within Options.Patience the same swap is tried
// on a new connection, where it either succeeds, or meets the batch's own
// entries, or those of another log. ledger.ErrUnknownOutcome: that did not come to
// an end, or the context was cancelled, or the standby did not answer, after the
// batch was on its way. Head then tells, and the same batch may be committed again:
// only one of the two can swap the head. ledger.ErrReadOnly: no primary was found
// or the server undid every try ([ErrUnsafe], [ServerError]), nothing was written.
// ledger.ErrFull: the server's disk is full, nothing was written.
// ledger.ErrCorrupt: the server lost entries, or a tag of the batch is in the log
// already, nothing was written. Any other [ServerError]: nothing was written.
func (s *Store) Commit(ctx context.Context, b ledger.Batch) error {
	s.mu.Lock()
	closed, known := s.closed, s.known
	s.mu.Unlock()
	switch {
	case closed:
		return ledger.ErrClosed
	case b.First != known.Size:
		return ledger.ErrFenced
	}
	if err := s.commit(ctx, b, known); err != nil {
		return err
	}
	return s.advance(b.Head)
}

// commit tries until the outcome is known or the patience is at its end.
func (s *Store) commit(ctx context.Context, b ledger.Batch, known ledger.Head) error {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if s.o.Patience > 0 {
		limited, cancel = context.WithTimeout(ctx, s.o.Patience)
	}
	defer cancel()
	open := false // an earlier try may be committed, or yet to be
	var cause error
	for pause := newPause(); ; {
		t := try{s: s, b: b, known: known, open: open}
		err := s.once(limited, t.run)
		cause = better(cause, err)
		open = open || t.open
		switch {
		case err == nil:
			return nil
		case t.decided:
			return describe("commit", err)
		case s.o.Patience > 0 && (t.open || isTransient(err)) || isSerialization(err):
			if ctx.Err() == nil && pause.wait(limited) {
				continue
			}
		}
		return s.giveUp(ctx, cause, open)
	}
}

// giveUp says what is known after the last try.
func (s *Store) giveUp(ctx context.Context, err error, open bool) error {
	switch {
	case open && ctx.Err() != nil:
		return fmt.Errorf("pgledger: commit: %w: %w", ledger.ErrUnknownOutcome, ctx.Err())
	case open:
		return fmt.Errorf("%w: %w", ledger.ErrUnknownOutcome, describe("commit", err))
	case ctx.Err() != nil:
		return ctx.Err()
	case s.refusal() != nil:
		return s.refusal()
	}
	return unreachable("commit", err)
}

// try is one attempt at a commit. An error counts as open as soon as anything may
// have been sent: pgconn.SafeToRetry is not asked, because a connection that breaks
// while an answer is read ends, in pgx 5.12, in an error ("conn closed") that
// calls itself safe.
type try struct {
	s       *Store
	b       ledger.Batch
	known   ledger.Head
	open    bool // in: an earlier try was; out: this one's outcome is unknown
	decided bool // out: the error is the answer
}

func (t *try) run(ctx context.Context, c *pgx.Conn) error {
	before := t.open
	t.open = false
	send := t.statement
	if t.large() {
		send = t.copy
	}
	swapped, err := send(ctx, c)
	switch {
	case err == nil && hasWarning(c):
		t.open = true
		return errNotReplicated
	case err == nil && swapped:
		return nil
	case err == nil:
		return t.lost(ctx, c, before)
	case serverSaidNo(err):
		t.open = false
		return t.refused(err)
	}
	return err
}

// refused sorts the errors by which the server undid the statement.
func (t *try) refused(err error) error {
	e, _ := errors.AsType[*pgconn.PgError](err)
	switch {
	case isSerialization(err), isTransient(err):
		return err
	case e.Code == "23505":
		t.decided = true
		what := "position of the batch is taken above the head"
		switch e.ConstraintName {
		case "entry_key":
			what = "key tag of the batch is in the log already"
		case "entry_position":
			what = "position tag of the batch is in the log already"
		}
		return &ledger.CorruptError{Index: int64(t.b.First), What: what}
	}
	t.decided = true
	return err
}

// lost finds out why the swap changed nothing.
func (t *try) lost(ctx context.Context, c *pgx.Conn, open bool) error {
	at, err := t.s.lookOn(ctx, c)
	if err != nil {
		t.decided = !isTransient(err) && !isSerialization(err) && ctx.Err() == nil && !open
		return err
	}
	if err := follows(t.known, at.head); err != nil {
		t.decided = true
		return err
	}
	if at.head.Size == t.known.Size { // a setting that changed back, say
		return &pgconn.PgError{Severity: "ERROR", Code: "40001", Message: "head did not move"}
	}
	mine, err := t.mine(ctx, c, open)
	switch {
	case err != nil:
		return err
	case !mine:
		t.decided = true
		return ledger.ErrFenced
	case at.standbys:
		return t.s.barrier(ctx, c)
	}
	return nil
}

// mine reports whether the entries at the batch's place are the batch's own: a
// leaf holds random salts, so no other log has made the same one.
func (t *try) mine(ctx context.Context, c *pgx.Conn, open bool) (bool, error) {
	if !open || len(t.b.Frames) == 0 {
		return false, nil
	}
	last := len(t.b.Frames) - 1
	var found int
	err := c.QueryRow(ctx, t.s.sql(`select count(*) from {entry} where pos = $1::bigint and leaf = $2::bytea or pos = $3::bigint and leaf = $4::bytea`),
		int64(t.b.First), t.b.Frames[0].Leaf, int64(t.b.First)+int64(last), t.b.Frames[last].Leaf).Scan(&found)
	return found == min(last+1, 2), err
}

func (t *try) large() bool {
	if len(t.b.Frames) >= copyEntries {
		return true
	}
	bytes := 0
	for _, f := range t.b.Frames {
		bytes += len(f.Payload)
	}
	return bytes >= copyBytes
}

// swap returns the first eight parameters.
func (t *try) swap(c *pgx.Conn) []any {
	on, _ := c.PgConn().CustomData()[connServer].(server)
	return []any{
		int64(t.b.First), t.known.Root[:], int64(t.b.Head.Size), t.b.Head.Root[:],
		t.s.id, on.system, int64(on.timeline), t.s.o.AllowUnsafe,
	}
}

func (t *try) secrets() (names []string, values [][]byte) {
	names, values = []string{}, [][]byte{}
	for _, secret := range t.b.Secrets {
		names, values = append(names, secret.Name), append(values, notNil(secret.Value))
	}
	return names, values
}

// statement sends everything as one statement that is its own transaction.
func (t *try) statement(ctx context.Context, c *pgx.Conn) (swapped bool, err error) {
	n := len(t.b.Frames)
	all := make([][]byte, 3*n)
	leaves, headers, payloads := all[:n:n], all[n:2*n:2*n], all[2*n:]
	for i, f := range t.b.Frames {
		leaves[i], headers[i], payloads[i] = notNil(f.Leaf), notNil(f.Header), payload(f)
	}
	names, values := t.secrets()
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	var count int
	err = c.QueryRow(ctx, t.s.sql(appendQuery), append(t.swap(c), leaves, headers, payloads, names, values)...).Scan(&count)
	t.open = err != nil
	return count == 1, err
}

// copy sends the swap, the entries and the commit one after the other. Until the
// commit is sent, a broken connection undoes everything.
func (t *try) copy(ctx context.Context, c *pgx.Conn) (swapped bool, err error) {
	defer func() {
		if err != nil || !swapped {
			rollback(ctx, c)
		}
	}()
	begin := &pgx.Batch{}
	begin.Queue(`begin isolation level read committed`)
	begin.Queue(vanishQuery)
	begin.Queue(t.s.sql(swapQuery), t.swap(c)...).Exec(func(tag pgconn.CommandTag) error {
		swapped = tag.RowsAffected() == 1
		return nil
	})
	if names, values := t.secrets(); len(names) > 0 {
		begin.Queue(t.s.sql(secretsQuery), names, values)
	}
	if err := c.SendBatch(ctx, begin).Close(); err != nil || !swapped {
		return false, err
	}
	if _, err := c.PgConn().CopyFrom(ctx, &copyReader{b: t.b}, t.s.sql(copyQuery)); err != nil {
		return false, err
	}
	clearWarning(c)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	tag, err := c.Exec(ctx, `commit`)
	t.open = err != nil
	return tag.String() == "COMMIT", err
}

// rollback ends a transaction that failed, or the connection.
func rollback(ctx context.Context, c *pgx.Conn) {
	if c.IsClosed() || c.PgConn().TxStatus() == 'I' {
		return
	}
	if _, err := c.Exec(ctx, `rollback`); err != nil {
		c.Close(ctx)
	}
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// payload is what the column holds: null stands for erased.
func payload(f ledger.Frame) []byte {
	if f.Erased {
		return nil
	}
	return notNil(f.Payload)
}

// copyReader yields a batch in the binary format of COPY: a header, the rows
// with a field count and a length before each field, and a trailer.
type copyReader struct {
	b    ledger.Batch
	next int    // the frame to come
	buf  []byte // what is encoded and not yet read
	mem  []byte
	end  bool
}

func (r *copyReader) Read(p []byte) (int, error) {
	if len(r.buf) == 0 {
		if r.end {
			return 0, io.EOF
		}
		r.fill()
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	return n, nil
}

// fill encodes about 64 KiB.
func (r *copyReader) fill() {
	const chunk = 64 << 10
	b := r.mem[:0]
	if r.next == 0 {
		b = append(b, "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	}
	for ; r.next < len(r.b.Frames) && len(b) < chunk; r.next++ {
		f := r.b.Frames[r.next]
		b = binary.BigEndian.AppendUint16(b, 4)
		b = binary.BigEndian.AppendUint32(b, 8)
		b = binary.BigEndian.AppendUint64(b, r.b.First+uint64(r.next))
		b = appendField(b, notNil(f.Leaf))
		b = appendField(b, notNil(f.Header))
		b = appendField(b, payload(f))
	}
	if r.next == len(r.b.Frames) {
		b = append(b, 0xff, 0xff)
		r.end = true
	}
	r.buf, r.mem = b, b
}

func appendField(b, field []byte) []byte {
	if field == nil {
		return append(b, 0xff, 0xff, 0xff, 0xff)
	}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(field))), field...)
}
