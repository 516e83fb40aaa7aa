package pgledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/deeperpoint/csss/ledger"
)

// Options are the choices of [Open]. A nil *Options is the zero value.
type Options struct {
	// Schema is the PostgreSQL schema that holds the log, one log per schema: at
	// most 63 bytes. Default: "csss_ledger".
	Schema string

	// AllowUnsafe opens a server whose settings lose acknowledged entries in a
	// crash or a fail-over: fsync or full_page_writes off, synchronous_commit
	// weaker than "on" ("local" will do where there are no synchronous standbys).
	// Default: refuse it with [ErrUnsafe].
	AllowUnsafe bool

	// Patience is how long one call rides out lost connections, fail-overs and
	// a synchronous standby that does not answer; the call's context may end it
	// sooner. Negative: a commit tries once and waits as long as its context
	// lets it; everything else waits for the default. Default: 15 s.
	Patience time.Duration

	// Timeline is the lowest timeline of the server that is accepted; a primary
	// of the past that came back has a lower one. Remember Store.Timeline
	// outside the database to fence the next process as well. Default: 0, any.
	Timeline uint32

	// Poll is the longest pause between two questions for new entries in
	// Store.Wait; after a commit the pauses start short. Default: 100 ms.
	Poll time.Duration

	// CacheDir is a local directory for the log's snapshots, made with mode 0700
	// where it does not exist. With it, a log that is opened again reads what
	// came after its snapshot, without it, everything. Default: none.
	CacheDir string
}

const (
	defaultSchema   = "csss_ledger"
	defaultPatience = 15 * time.Second
	defaultPoll     = 100 * time.Millisecond
	maxSchema       = 63
)

func (o *Options) withDefaults() (Options, error) {
	var out Options
	if o != nil {
		out = *o
	}
	if out.Schema == "" {
		out.Schema = defaultSchema
	}
	if out.Patience == 0 {
		out.Patience = defaultPatience
	}
	if out.Poll == 0 {
		out.Poll = defaultPoll
	}
	switch {
	case len(out.Schema) > maxSchema:
		return out, &ledger.InvalidError{Entry: -1, Field: "Schema", Why: fmt.Sprintf("%d bytes, limit %d", len(out.Schema), maxSchema)}
	case strings.ContainsRune(out.Schema, 0):
		return out, &ledger.InvalidError{Entry: -1, Field: "Schema", Why: "not a name"}
	case out.Poll < 0:
		return out, &ledger.InvalidError{Entry: -1, Field: "Poll", Why: "negative"}
	}
	return out, nil
}

// Store is a ledger.Store in a PostgreSQL schema; it is a ledger.Follower and a
// ledger.Cacher too. Any number of stores, in any number of processes, may be
// open on one schema; each serves one ledger.Log. A store may be used by any
// number of goroutines as far as ledger.Store allows it.
type Store struct {
	o      Options
	schema string
	names  *strings.Replacer
	pool   *pgxpool.Pool

	mu     sync.Mutex
	closed bool
	id     []byte
	known  ledger.Head // the newest head this store was told, and has told
	seen   server      // the newest primary this store has met
	absent absent
	moved  chan struct{} // closed when known moves or the store closes

	probing sync.Mutex // held while all hosts are asked who they are
	probed  bool       // they were, and no connection has ended since; guarded by mu
}

var (
	_ ledger.Store    = (*Store)(nil)
	_ ledger.Follower = (*Store)(nil)
	_ ledger.Cacher   = (*Store)(nil)
)

// Open connects to the server of a connection string (a URL or key=value pairs,
// see pgxpool.ParseConfig), makes or migrates the tables, and returns a store
// for ledger.Open, which takes it over and closes it.
//
// A string that names several hosts is the way to survive a fail-over: the store
// passes over standbys and over primaries of the past. Errors: those of
// [OpenConfig], and one without the password where the string does not parse.
func Open(ctx context.Context, connection string, o *Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(connection)
	if err != nil {
		return nil, fmt.Errorf("pgledger: connection string: %w", err)
	}
	return OpenConfig(ctx, config, o)
}

// OpenConfig is [Open] for those who build the configuration, or have it from
// the Config method of a pool. The store makes a pool of its own from it,
// because it must hear the server's warnings and choose the server; hooks that
// are set are called as well. config is not kept.
//
// Errors: ledger.ErrInvalid for options, [ErrUnsafe], [ErrStandby] and
// [ErrStale] with ledger.ErrReadOnly where no other server was found in time,
// [ServerError], and those of connecting.
func OpenConfig(ctx context.Context, config *pgxpool.Config, o *Options) (*Store, error) {
	full, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{o: full, schema: full.Schema, moved: make(chan struct{})}
	s.seen.timeline = full.Timeline
	var pairs []string
	for _, table := range []string{"head", "entry", "secret", "migration"} {
		pairs = append(pairs, "{"+table+"}", s.table(table))
	}
	s.names = strings.NewReplacer(pairs...)
	if s.pool, err = pgxpool.NewWithConfig(ctx, s.hook(config.Copy())); err != nil {
		return nil, describe("open", err)
	}
	if err := s.open(ctx); err != nil {
		s.pool.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	if err := s.migrate(ctx); err != nil {
		return err
	}
	at, err := s.look(ctx, "open")
	if err != nil {
		return err
	}
	s.id = at.id
	return s.openCache()
}

// table returns the quoted name of a table.
func (s *Store) table(name string) string { return pgx.Identifier{s.schema, name}.Sanitize() }

// sql puts the tables' names in the place of {head}, {entry}, {secret}.
func (s *Store) sql(text string) string { return s.names.Replace(text) }

// Recover returns the head, after making sure that it is on the synchronous
// standbys too where there are any. It finds a torn log by its last entry.
// Errors: ledger.ErrCorrupt, [ErrUnsafe], and those of [OpenConfig].
func (s *Store) Recover(ctx context.Context) (ledger.Head, error) {
	at, err := s.settled(ctx, "recover")
	if err != nil {
		return ledger.Head{}, err
	}
	var last int64
	err = s.withConn(ctx, "recover", func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, s.sql(`select coalesce(max(pos), -1) from {entry} where pos < $1::bigint`), int64(at.head.Size)).Scan(&last)
	})
	if err != nil {
		return ledger.Head{}, err
	}
	if uint64(last+1) != at.head.Size {
		return ledger.Head{}, &ledger.CorruptError{Index: last + 1, What: "entry is missing below the head"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known = at.head
	return at.head, nil
}

// Head returns the newest head that is durable, and on the synchronous standbys
// where there are any: one round trip, and one commit of the server where there
// are standbys and the head has moved.
//
// A head behind the one this store has told, or at its size with another root,
// is a ledger.CorruptError: the primary was replaced by a server that had not all
// of it. Other errors are those of [OpenConfig] and ledger.ErrClosed.
func (s *Store) Head(ctx context.Context) (ledger.Head, error) {
	at, err := s.settled(ctx, "head")
	if err != nil {
		return ledger.Head{}, err
	}
	if err := s.advance(at.head); err != nil {
		return ledger.Head{}, err
	}
	return at.head, nil
}

// advance notes a head that the log is about to be told.
func (s *Store) advance(to ledger.Head) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := follows(s.known, to); err != nil {
		return err
	}
	if to.Size > s.known.Size {
		s.known = to
		close(s.moved)
		s.moved = make(chan struct{})
	}
	return nil
}

// follows refuses a head that cannot come after a known one.
func follows(known, to ledger.Head) error {
	switch {
	case to.Size < known.Size:
		return &ledger.CorruptError{Index: -1, What: fmt.Sprintf("server holds %d entries of the %d this store has seen", to.Size, known.Size)}
	case to.Size == known.Size && to.Root != known.Root:
		return &ledger.CorruptError{Index: -1, What: fmt.Sprintf("server holds another tree of %d entries than this store has seen", to.Size)}
	}
	return nil
}

// Wait returns once the schema holds more than size entries. It asks again and
// again, at first after 2 ms and then ever less often, see Options.Poll; commits
// of this store wake it at once. Errors: the context's, ledger.ErrClosed, and
// those of [OpenConfig].
func (s *Store) Wait(ctx context.Context, size uint64) error {
	for pause := 2 * time.Millisecond; ; pause = min(pause*3/2, s.o.Poll) {
		s.mu.Lock()
		known, closed, moved := s.known.Size, s.closed, s.moved
		s.mu.Unlock()
		switch {
		case closed:
			return ledger.ErrClosed
		case known > size:
			return nil
		}
		var have int64
		err := s.withConn(ctx, "wait", func(ctx context.Context, c *pgx.Conn) error {
			return c.QueryRow(ctx, s.sql(`select size from {head}`)).Scan(&have)
		})
		if err != nil || uint64(have) > size {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
		case <-time.After(pause):
		}
	}
}

// Timeline returns the highest timeline of the server's cluster that this store
// has seen: a number that grows with every fail-over.
func (s *Store) Timeline() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.timeline
}

// Close ends what waits, and returns when every connection is closed. It may be
// repeated.
func (s *Store) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.moved)
	}
	s.mu.Unlock()
	s.pool.Close()
	return nil
}

// refusal is why the store does not work any more.
func (s *Store) refusal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ledger.ErrClosed
	}
	return nil
}

// withConn runs f on a connection to the primary, and again on others as long as
// the trouble is one of the connection or of serialization, the patience lasts
// and the context lives. So f may run twice, and what it writes must be the same
// then.
func (s *Store) withConn(ctx context.Context, op string, f func(context.Context, *pgx.Conn) error) error {
	patience := s.o.Patience
	if patience < 0 {
		patience = defaultPatience
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var cause error
	for pause := newPause(); ; {
		if err := s.refusal(); err != nil {
			return err
		}
		err := s.once(limited, f)
		cause = better(cause, err)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case s.refusal() != nil:
			return s.refusal()
		case !isTransient(err) && !isSerialization(err), !pause.wait(limited):
			return unreachable(op, cause)
		}
	}
}

// better prefers the trouble itself to the end of the patience with it.
func better(cause, err error) error {
	if cause != nil && errors.Is(err, context.DeadlineExceeded) {
		return cause
	}
	return err
}

// unreachable describes the last error of a call that gave up.
func unreachable(op string, err error) error {
	out := describe(op, err)
	if (isTransient(err) || isSerialization(err)) && !errors.Is(out, ledger.ErrReadOnly) {
		return fmt.Errorf("%w: %w", ledger.ErrReadOnly, out)
	}
	return out
}

func (s *Store) once(ctx context.Context, f func(context.Context, *pgx.Conn) error) error {
	c, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	return f(ctx, c.Conn())
}

// pause is a growing time between two tries.
type pause struct{ next time.Duration }

func newPause() *pause { return &pause{2 * time.Millisecond} }

// wait reports whether the context outlived the pause.
func (p *pause) wait(ctx context.Context) bool {
	t := time.NewTimer(p.next)
	defer t.Stop()
	p.next = min(p.next*2, 250*time.Millisecond)
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
