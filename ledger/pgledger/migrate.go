package pgledger

import (
	"context"
	"embed"
	"fmt"
	"hash/fnv"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration is one step of the tables' history. Steps are only ever added.
type migration struct {
	version int
	sql     string
}

// migrations returns the steps in order, numbered from 1 without gaps.
func migrations() ([]migration, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var out []migration
	for i, name := range names {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != i+1 {
			return nil, fmt.Errorf("pgledger: migration %s is not number %d", name, i+1)
		}
		sql, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		out = append(out, migration{version, string(sql)})
	}
	return out, nil
}

// migrate brings the schema to the newest version. Where that is done already it
// needs no right to create anything, so that an administrator may do it once.
func (s *Store) migrate(ctx context.Context) error {
	steps, err := migrations()
	if err != nil {
		return err
	}
	have, err := s.schemaVersion(ctx)
	if err != nil || have == len(steps) {
		return err
	}
	return s.migrateFrom(ctx, steps)
}

// schemaVersion is 0 where there are no tables yet.
func (s *Store) schemaVersion(ctx context.Context) (version int, err error) {
	err = s.withConn(ctx, "read schema version", func(ctx context.Context, c *pgx.Conn) error {
		var there bool
		if err := c.QueryRow(ctx, `select to_regclass($1::text) is not null`, s.table("migration")).Scan(&there); err != nil || !there {
			version = 0
			return err
		}
		return c.QueryRow(ctx, s.sql(`select coalesce(max(version), 0) from {migration}`)).Scan(&version)
	})
	if steps, _ := migrations(); err == nil && version > len(steps) {
		err = fmt.Errorf("pgledger: schema has version %d, this program knows %d", version, len(steps))
	}
	return version, err
}

// migrateFrom applies what is missing, in one transaction. The advisory lock
// makes several first processes wait for each other.
func (s *Store) migrateFrom(ctx context.Context, steps []migration) error {
	return s.withConn(ctx, "migrate", func(ctx context.Context, c *pgx.Conn) error {
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			name := pgx.Identifier{s.schema}.Sanitize()
			if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1::bigint)`, lockNumber(s.schema)); err != nil {
				return err
			}
			// "if not exists" alone would ask for the right to create schemas.
			var there bool
			if err := tx.QueryRow(ctx, `select to_regnamespace($1::text) is not null`, name).Scan(&there); err != nil {
				return err
			}
			statements := []string{
				`set local search_path to ` + name + `, pg_catalog`,
				`create table if not exists migration (version integer primary key, applied timestamptz not null default now())`,
			}
			if !there {
				statements = slices.Insert(statements, 0, `create schema `+name)
			}
			for _, sql := range statements {
				if _, err := tx.Exec(ctx, sql); err != nil {
					return err
				}
			}
			var have int
			if err := tx.QueryRow(ctx, `select coalesce(max(version), 0) from migration`).Scan(&have); err != nil {
				return err
			}
			for _, m := range steps[min(have, len(steps)):] {
				if _, err := tx.Conn().PgConn().Exec(ctx, m.sql).ReadAll(); err != nil {
					return err
				}
				if _, err := tx.Exec(ctx, `insert into migration (version) values ($1)`, m.version); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// lockNumber gives each schema its own advisory lock.
func lockNumber(schema string) int64 {
	h := fnv.New64a()
	h.Write([]byte("csss/pgledger/" + schema))
	return int64(h.Sum64())
}
