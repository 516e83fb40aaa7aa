package pgledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/deeperpoint/csss/ledger"
)

// server names a primary: the cluster it is a copy of, and how often a standby
// of that cluster was promoted before it.
type server struct {
	system   int64
	timeline uint32
}

// before reports whether a server was replaced by another one. Clusters of
// different origin do not compare; a log that was copied between them is held
// to the heads the store has seen.
func (a server) before(b server) bool {
	return (a.system == b.system || b.system == 0) && a.timeline < b.timeline
}

// What hook notes about a connection.
const (
	connServer  = "pgledger.server"
	connWarning = "pgledger.warning"
)

// hook makes every connection of the pool one to the newest primary, and notes
// the warnings it gets.
func (s *Store) hook(config *pgxpool.Config) *pgxpool.Config {
	c := config.ConnConfig
	heard, checked, closing := c.OnNotice, c.ValidateConnect, config.BeforeClose
	config.BeforeClose = func(conn *pgx.Conn) {
		s.setProbed(false)
		if closing != nil {
			closing(conn)
		}
	}
	c.OnNotice = func(conn *pgconn.PgConn, n *pgconn.Notice) {
		// A commit whose wait for the standby was cancelled says so in a warning,
		// and is a success otherwise.
		if n.SeverityUnlocalized == "WARNING" {
			conn.CustomData()[connWarning] = true
		}
		if heard != nil {
			heard(conn, n)
		}
	}
	// An error here sends the driver to the next host of the configuration.
	c.ValidateConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		if checked != nil {
			if err := checked(ctx, conn); err != nil {
				return err
			}
		}
		s.probe(ctx, c)
		return s.accept(ctx, conn)
	}
	return config
}

const probeTimeout = 2 * time.Second

// probe asks all hosts of the configuration who they are, before one of them is
// trusted: a store that was idle while a standby was promoted would take the old
// primary, if that came back and comes first in the list. Hosts that do not answer
// are passed over; they are no danger and no help. It asks before the first
// connection, and again after any has ended, as all do when a primary is replaced.
func (s *Store) probe(ctx context.Context, c *pgx.ConnConfig) {
	hosts := hostsOf(c)
	if len(hosts) < 2 {
		return
	}
	s.probing.Lock()
	defer s.probing.Unlock()
	if s.setProbed(true) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var all sync.WaitGroup
	for _, host := range hosts {
		all.Go(func() {
			conn, err := pgconn.ConnectConfig(ctx, host)
			if err != nil {
				return
			}
			defer conn.Close(ctx)
			if have, err := identify(ctx, conn); err == nil {
				s.meet(have) // an older one changes nothing
			}
		})
	}
	all.Wait()
}

// setProbed returns what it was before.
func (s *Store) setProbed(to bool) (before bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, s.probed = s.probed, to
	return before
}

// hostsOf splits a configuration by hosts, each with its ways to encrypt.
func hostsOf(c *pgx.ConnConfig) []*pgconn.Config {
	base := c.Config.Copy()
	ways := append([]*pgconn.FallbackConfig{{Host: base.Host, Port: base.Port, TLSConfig: base.TLSConfig}}, base.Fallbacks...)
	base.Fallbacks, base.ValidateConnect, base.AfterConnect, base.OnNotice = nil, nil, nil, nil
	var hosts []*pgconn.Config
	for _, way := range ways {
		at := slices.IndexFunc(hosts, func(h *pgconn.Config) bool { return h.Host == way.Host && h.Port == way.Port })
		if at >= 0 {
			hosts[at].Fallbacks = append(hosts[at].Fallbacks, way)
			continue
		}
		host := base.Copy()
		host.Host, host.Port, host.TLSConfig = way.Host, way.Port, way.TLSConfig
		hosts = append(hosts, host)
	}
	return hosts
}

// primaryQuery: the timeline is that of the log being written; the one of the
// last checkpoint lags behind a promotion.
const primaryQuery = `select pg_is_in_recovery(), (select system_identifier from pg_control_system()),
	case when pg_is_in_recovery() then 0 else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint end`

// accept refuses a server that is not the newest primary.
func (s *Store) accept(ctx context.Context, conn *pgconn.PgConn) error {
	have, err := identify(ctx, conn)
	if err == nil {
		err = s.meet(have)
	}
	if err == nil {
		conn.CustomData()[connServer] = have
	}
	return err
}

// identify asks a server who it is. It refuses a standby.
func identify(ctx context.Context, conn *pgconn.PgConn) (server, error) {
	results, err := conn.Exec(ctx, primaryQuery).ReadAll()
	if err != nil {
		return server{}, err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return server{}, errors.New("pgledger: server does not say who it is")
	}
	row := results[0].Rows[0]
	if string(row[0]) != "f" {
		return server{}, ErrStandby
	}
	system, err1 := strconv.ParseInt(string(row[1]), 10, 64)
	timeline, err2 := strconv.ParseUint(string(row[2]), 10, 32)
	if err1 != nil || err2 != nil {
		return server{}, errors.New("pgledger: server does not say who it is in numbers")
	}
	return server{system, uint32(timeline)}, nil
}

// meet compares a server with the newest one seen, and notes a newer one.
func (s *Store) meet(have server) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if have.before(s.seen) {
		return ErrStale
	}
	s.seen = have
	return nil
}

// acquire returns a connection to the newest primary, and closes those that were
// opened to an earlier one.
func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	for {
		c, err := s.pool.Acquire(ctx)
		if err != nil {
			return nil, err
		}
		of, _ := c.Conn().PgConn().CustomData()[connServer].(server)
		if s.meet(of) == nil {
			clearWarning(c.Conn())
			return c, nil
		}
		c.Conn().Close(ctx)
		c.Release()
	}
}

func clearWarning(c *pgx.Conn) { delete(c.PgConn().CustomData(), connWarning) }

func hasWarning(c *pgx.Conn) bool { return c.PgConn().CustomData()[connWarning] != nil }

// position is what the server says of the log.
type position struct {
	id       []byte
	head     ledger.Head
	last     server // of the last commit
	standbys bool   // commits wait for synchronous standbys
	unsafe   string // the setting that loses entries, or nothing
}

// safeSettings is the condition of a commit; the columns of lookQuery name them.
const safeSettings = `(current_setting('fsync') = 'on' and current_setting('full_page_writes') = 'on' and
	(current_setting('synchronous_commit') in ('on', 'remote_apply') or
		current_setting('synchronous_commit') = 'local' and current_setting('synchronous_standby_names') = ''))`

const lookQuery = `select id, size, root, system, timeline, current_setting('synchronous_standby_names') <> '' and current_setting('synchronous_commit') <> 'local',
	case when ` + safeSettings + ` then ''
		when current_setting('fsync') <> 'on' then 'fsync = ' || current_setting('fsync')
		when current_setting('full_page_writes') <> 'on' then 'full_page_writes = ' || current_setting('full_page_writes')
		else 'synchronous_commit = ' || current_setting('synchronous_commit') end
	from {head}`

// look reads the head as it is visible now, and refuses a server that must not be
// written.
func (s *Store) look(ctx context.Context, op string) (at position, err error) {
	err = s.withConn(ctx, op, func(ctx context.Context, c *pgx.Conn) error {
		at, err = s.lookOn(ctx, c)
		return err
	})
	return at, err
}

func (s *Store) lookOn(ctx context.Context, c *pgx.Conn) (at position, err error) {
	var size, timeline int64
	var root []byte
	err = c.QueryRow(ctx, s.sql(lookQuery)).Scan(&at.id, &size, &root, &at.last.system, &timeline, &at.standbys, &at.unsafe)
	if err != nil {
		return at, err
	}
	at.head.Size, at.last.timeline = uint64(size), uint32(timeline)
	copy(at.head.Root[:], root)
	return at, s.vet(c, at)
}

// vet holds a position against what this store knows.
func (s *Store) vet(c *pgx.Conn, at position) error {
	of, _ := c.PgConn().CustomData()[connServer].(server)
	switch {
	case s.id != nil && string(at.id) != string(s.id):
		return &ledger.CorruptError{Index: -1, What: "server holds another log in this schema than before"}
	case at.unsafe != "" && !s.o.AllowUnsafe:
		return fmt.Errorf("%w: %s", ErrUnsafe, at.unsafe)
	case of.system == at.last.system && of.before(at.last):
		return ErrStale
	}
	return nil
}

// settled reads the head and waits until all of it is durable everywhere it has
// to be. A commit whose wait for the standby was cut short is visible on the
// primary and may be nowhere else; a later commit of any kind is acknowledged
// only when the standby has both.
func (s *Store) settled(ctx context.Context, op string) (at position, err error) {
	err = s.withConn(ctx, op, func(ctx context.Context, c *pgx.Conn) error {
		if at, err = s.lookOn(ctx, c); err != nil {
			return err
		}
		s.mu.Lock()
		old := at.head == s.known && at.head.Size > 0
		s.mu.Unlock()
		if old || !at.standbys {
			return nil
		}
		return s.barrier(ctx, c)
	})
	return at, err
}

// barrier commits a record of nothing and waits for it like for an entry.
func (s *Store) barrier(ctx context.Context, c *pgx.Conn) error {
	clearWarning(c)
	if _, err := c.Exec(ctx, `select pg_logical_emit_message(true, 'csss/pgledger', '')`); err != nil {
		return err
	}
	if hasWarning(c) {
		return errNotReplicated
	}
	return nil
}
