package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver

	"github.com/deeperpoint/csss/examples/bench/load"
)

const (
	sqliteTable = `CREATE TABLE entries (
		seq INTEGER PRIMARY KEY, stream TEXT NOT NULL, version INTEGER NOT NULL, type TEXT NOT NULL,
		key TEXT NOT NULL UNIQUE, hash BLOB NOT NULL, payload BLOB NOT NULL)`
	sqliteInsert = `INSERT INTO entries (stream, version, type, key, hash, payload) VALUES (?,?,?,?,?,?)`
)

// sqliteStore is one connection: SQLite has one writer.
type sqliteStore struct {
	db     *sql.DB
	conn   *sql.Conn
	insert *sql.Stmt
	hash   hasher
}

func openSQLite(dir string) (store, error) {
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(dir, "entries.db"))}
	name.RawQuery = url.Values{
		"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "cache_size(-262144)"},
		"_txlock": {"immediate"},
	}.Encode()
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	s := &sqliteStore{db: db}
	if err := s.prepare(context.Background()); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (s *sqliteStore) prepare(ctx context.Context) (err error) {
	if s.conn, err = s.db.Conn(ctx); err != nil {
		return err
	}
	var journal, synchronous string
	if err := s.conn.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&journal); err != nil {
		return err
	}
	if err := s.conn.QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&synchronous); err != nil {
		return err
	}
	if journal != "wal" || synchronous != "2" {
		return fmt.Errorf("sqlite: journal mode %s and synchronous %s, want wal and 2 (full)", journal, synchronous)
	}
	if _, err := s.conn.ExecContext(ctx, sqliteTable); err != nil {
		return err
	}
	s.insert, err = s.conn.PrepareContext(ctx, sqliteInsert)
	return err
}

// commit inserts row by row with a prepared statement. Statements of many rows
// were not faster.
func (s *sqliteStore) commit(batches [][]load.Entry) error {
	ctx := context.Background()
	tx, err := s.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	insert := tx.StmtContext(ctx, s.insert)
	for _, batch := range batches {
		for _, e := range batch {
			h := s.hash.sum(e)
			if _, err := insert.ExecContext(ctx, e.Stream, int64(e.Version), e.Type, e.Key, h[:], e.Payload); err != nil {
				return errors.Join(err, tx.Rollback())
			}
		}
	}
	return tx.Commit()
}

func (s *sqliteStore) close() error {
	return errors.Join(s.insert.Close(), s.conn.Close(), s.db.Close())
}
