package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver

	"github.com/deeperpoint/csss/examples/bench/load"
)

// sqliteRows is how many rows one statement inserts where a batch has that many:
// a call of the driver costs more than a row.
const sqliteRows = 50

const (
	sqliteTable = `CREATE TABLE entries (
		seq INTEGER PRIMARY KEY, stream TEXT NOT NULL, version INTEGER NOT NULL, type TEXT NOT NULL,
		key TEXT NOT NULL UNIQUE, hash BLOB NOT NULL, payload BLOB NOT NULL)`
	sqliteInsert = `INSERT INTO entries (stream, version, type, key, hash, payload) VALUES `
	sqliteValues = `(?,?,?,?,?,?)`
)

// sqliteStore is one connection: SQLite has one writer.
type sqliteStore struct {
	db        *sql.DB
	conn      *sql.Conn
	one, many *sql.Stmt
	hash      hasher
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
	if s.one, err = s.conn.PrepareContext(ctx, sqliteInsert+sqliteValues); err != nil {
		return err
	}
	s.many, err = s.conn.PrepareContext(ctx, sqliteInsert+strings.Repeat(sqliteValues+",", sqliteRows-1)+sqliteValues)
	return err
}

func (s *sqliteStore) commit(batches [][]load.Entry) error {
	ctx := context.Background()
	tx, err := s.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	one, many := tx.StmtContext(ctx, s.one), tx.StmtContext(ctx, s.many)
	for _, batch := range batches {
		if err := s.insert(one, many, batch); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

func (s *sqliteStore) insert(one, many *sql.Stmt, batch []load.Entry) error {
	for len(batch) > 0 {
		stmt, n := one, 1
		if len(batch) >= sqliteRows {
			stmt, n = many, sqliteRows
		}
		args := make([]any, 0, 6*n)
		for _, e := range batch[:n] {
			h := s.hash.sum(e)
			args = append(args, e.Stream, int64(e.Version), e.Type, e.Key, h[:], e.Payload)
		}
		if _, err := stmt.Exec(args...); err != nil {
			return err
		}
		batch = batch[n:]
	}
	return nil
}

func (s *sqliteStore) close() error {
	return errors.Join(s.one.Close(), s.many.Close(), s.conn.Close(), s.db.Close())
}
