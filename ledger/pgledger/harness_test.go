package pgledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/pgledger"
	"github.com/deeperpoint/csss/ledger/pgledger/internal/pgtest"
)

// shared is the server of all tests but those that break theirs.
var (
	shared  *pgtest.Server
	missing string // why there is none
)

// TestMain also serves as the child that writes, and is killed.
func TestMain(m *testing.M) {
	if os.Getenv(childDSN) != "" {
		os.Exit(child())
	}
	os.Exit(withServer(m))
}

func withServer(m *testing.M) int {
	s, err := pgtest.New(context.Background(), nil)
	if e, ok := errors.AsType[*pgtest.Missing](err); ok {
		missing = e.Why
		return m.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	shared = s
	code := m.Run()
	if err := s.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// needServer returns the connection string of the shared server.
func needServer(t testing.TB) string {
	t.Helper()
	if missing != "" {
		t.Skip(missing)
	}
	return shared.DSN("postgres")
}

var schemas atomic.Int64

// newSchema returns a name no other test has.
func newSchema() string { return fmt.Sprintf("log %d", schemas.Add(1)) }

func openStore(t testing.TB, dsn string, o pgledger.Options) *pgledger.Store {
	t.Helper()
	s, err := pgledger.Open(t.Context(), dsn, &o)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// recovered is a store as a log has it.
func recovered(t testing.TB, dsn string, o pgledger.Options) *pgledger.Store {
	t.Helper()
	s := openStore(t, dsn, o)
	_, err := s.Recover(t.Context())
	require.NoError(t, err)
	return s
}

func openLog(t testing.TB, dsn string, o pgledger.Options) *ledger.Log {
	t.Helper()
	s, err := pgledger.Open(t.Context(), dsn, &o)
	require.NoError(t, err)
	l, err := ledger.Open(t.Context(), s, nil)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// sqlConn is a connection for looking behind the store.
func sqlConn(t testing.TB, dsn string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func execSQL(t testing.TB, c *pgx.Conn, sql string, args ...any) {
	t.Helper()
	_, err := c.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

// table is the quoted name of a table.
func table(schema, name string) string { return pgx.Identifier{schema, name}.Sanitize() }

// batch makes frames that no two batches share, on top of first.
func batch(first, n int, tag string) ledger.Batch {
	b := ledger.Batch{First: uint64(first), Head: ledger.Head{Size: uint64(first + n), Root: ledger.Hash{byte(first + n), byte(len(tag))}}}
	copy(b.Head.Root[2:], tag)
	for i := range n {
		b.Frames = append(b.Frames, ledger.Frame{
			Index: uint64(first + i), Leaf: fmt.Appendf(nil, "leaf %s %d", tag, i),
			Header: []byte("header " + tag), Payload: fmt.Appendf(nil, "payload %s %d", tag, i),
		})
	}
	return b
}

func entry(stream, key string) ledger.Append {
	return ledger.Append{Stream: stream, Type: "noted", Key: key, Payload: []byte("payload of " + key)}
}
