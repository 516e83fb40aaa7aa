package pgledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/deeperpoint/csss/ledger"
)

// absent are the names an empty log was told do not exist. What another process
// has put there in between is not replaced.
type absent struct {
	mu    sync.Mutex
	names map[string]bool
}

func (a *absent) note(name string, is bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.names == nil {
		a.names = map[string]bool{}
	}
	if is {
		a.names[name] = true
	} else {
		delete(a.names, name)
	}
}

func (a *absent) has(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.names[name]
}

// empty reports whether the log was empty by all this store has said of it.
func (s *Store) empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known.Size == 0
}

// Secret reads one row. Errors: those of [OpenConfig], and ledger.ErrClosed.
func (s *Store) Secret(ctx context.Context, name string) (value []byte, found bool, err error) {
	err = s.withConn(ctx, "read secret", func(ctx context.Context, c *pgx.Conn) error {
		err := c.QueryRow(ctx, s.sql(`select value from {secret} where name = $1::text`), name).Scan(&value)
		if found = err == nil; errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if s.empty() {
		s.absent.note(name, !found)
	}
	return value, found, nil
}

// PutSecrets writes all or none, in one transaction. In a log that was empty when
// this store last said so, a name that Secret did not find and that another
// process has written since is not replaced: nothing is written, and the error
// is ledger.ErrFenced. So two processes that open a new log at the same time do
// not end with two tenant keys; one of them opens again. Other errors:
// ledger.ErrInvalid for a name, and those of [OpenConfig].
func (s *Store) PutSecrets(ctx context.Context, secrets map[string][]byte) error {
	names := make([]string, 0, len(secrets))
	for name := range secrets {
		if err := checkSecretName(name); err != nil {
			return err
		}
		names = append(names, name)
	}
	slices.Sort(names) // everybody locks rows in this order
	fresh := s.empty()
	err := s.write(ctx, "write secrets", func(ctx context.Context, tx pgx.Tx) error {
		for _, name := range names {
			if err := s.putSecret(ctx, tx, name, notNil(secrets[name]), fresh && s.absent.has(name)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		s.absent.note(name, false)
	}
	return nil
}

// putSecret writes one row. With create it replaces no other value than its own,
// which an earlier try may have written.
func (s *Store) putSecret(ctx context.Context, tx pgx.Tx, name string, value []byte, create bool) error {
	tag, err := tx.Exec(ctx, s.sql(`insert into {secret} as s (name, value) values ($1::text, $2::bytea)
		on conflict (name) do update set value = excluded.value where not $3::boolean or s.value = excluded.value`), name, value, create)
	if err == nil && tag.RowsAffected() == 0 {
		return ledger.ErrFenced
	}
	return err
}

// DeleteSecrets deletes rows. What the server keeps of a deleted row on its disk
// is the matter of [Store.Scrub], of its log, its standbys and its backups. Errors:
// those of [OpenConfig].
func (s *Store) DeleteSecrets(ctx context.Context, names ...string) error {
	if len(names) == 0 {
		return nil
	}
	return s.write(ctx, "delete secrets", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, s.sql(`delete from {secret} where name = any($1::text[])`), names)
		return err
	})
}

// Erase sets the payloads to null: the mark of an erased entry. Leaf and header
// stay. The old row is dead, and goes with the next vacuum, see [Store.Scrub].
// Errors: ledger.ErrRange, and those of [OpenConfig].
func (s *Store) Erase(ctx context.Context, indexes []uint64) error {
	if len(indexes) == 0 {
		return nil
	}
	positions := make([]int64, len(indexes))
	for i, index := range indexes {
		positions[i] = int64(index)
	}
	highest := slices.Max(indexes)
	return s.write(ctx, "erase", func(ctx context.Context, tx pgx.Tx) error {
		var size int64
		if err := tx.QueryRow(ctx, s.sql(`select size from {head}`)).Scan(&size); err != nil {
			return err
		}
		if highest >= uint64(size) {
			return &ledger.RangeError{Field: "index", Value: highest, Limit: uint64(size)}
		}
		_, err := tx.Exec(ctx, s.sql(`update {entry} set payload = null where pos = any($1::bigint[]) and payload is not null`), positions)
		return err
	})
}

// Scrub makes the server drop the dead rows of erased payloads and deleted
// secrets: the secrets' table is written anew, the entries' is vacuumed. Readers
// of secrets wait meanwhile. It needs the tables' owner, may take minutes on a
// large log, and cannot reach the server's write-ahead log, standbys and
// backups: those end with their own retention. Errors: those of [OpenConfig].
func (s *Store) Scrub(ctx context.Context) error {
	if err := s.refusal(); err != nil {
		return err
	}
	err := s.once(ctx, func(ctx context.Context, c *pgx.Conn) error {
		if _, err := c.Exec(ctx, s.sql(`vacuum full {secret}`), pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		_, err := c.Exec(ctx, s.sql(`vacuum {entry}`), pgx.QueryExecModeSimpleProtocol)
		return err
	})
	return describe("scrub", err)
}

// write runs f in a transaction on a server that may be written, and makes sure
// that the commit is where it has to be. f runs again after trouble, so it must be
// repeatable.
func (s *Store) write(ctx context.Context, op string, f func(context.Context, pgx.Tx) error) error {
	return s.withConn(ctx, op, func(ctx context.Context, c *pgx.Conn) error {
		at, err := s.lookOn(ctx, c)
		if err != nil {
			return err
		}
		clearWarning(c)
		err = pgx.BeginTxFunc(ctx, c, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error { return f(ctx, tx) })
		if err != nil {
			return err
		}
		if hasWarning(c) && at.standbys {
			return s.barrier(ctx, c)
		}
		return nil
	})
}

// checkSecretName holds the alphabet of ledger.Store.
func checkSecretName(name string) error {
	ok := name != "" && len(name) <= 100 && name[0] != '.'
	for _, c := range name {
		ok = ok && (c == '-' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z')
	}
	if !ok {
		return &ledger.InvalidError{Entry: -1, Field: "secret name", Why: fmt.Sprintf("not 1 to %d characters of a-z 0-9 - .", 100)}
	}
	return nil
}
