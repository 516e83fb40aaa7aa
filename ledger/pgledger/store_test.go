package pgledger_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/pgledger"
)

func TestOptionsAreChecked(t *testing.T) {
	for field, o := range map[string]pgledger.Options{
		"Schema": {Schema: strings.Repeat("x", 64)},
		"Poll":   {Poll: -1},
	} {
		_, err := pgledger.Open(t.Context(), "host=127.0.0.1", &o)
		e, ok := errors.AsType[*ledger.InvalidError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, field, e.Field)
	}
	for _, dsn := range []string{"postgres://user:hunter2@127.0.0.1:port/db", "host=127.0.0.1 password=hunter2 port=x"} {
		_, err := pgledger.Open(t.Context(), dsn, nil)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hunter2")
	}
	_, err := pgledger.Open(t.Context(), "postgres://user:hunter2@127.0.0.1:1/db", &pgledger.Options{Patience: 50 * time.Millisecond})
	require.ErrorIs(t, err, ledger.ErrReadOnly)
	require.NotContains(t, err.Error(), "hunter2")
}

// A schema is quoted wherever it stands.
func TestSchemaMayHaveAnyName(t *testing.T) {
	dsn := needServer(t)
	for _, name := range []string{`x"; drop schema public; --`, "Größe", strings.Repeat("n", 63)} {
		l := openLog(t, dsn, pgledger.Options{Schema: name})
		_, err := l.Append(t.Context(), entry("s", "k"))
		require.NoError(t, err)
		require.NoError(t, l.Close())
		require.Equal(t, uint64(1), openLog(t, dsn, pgledger.Options{Schema: name}).Size())
	}
}

func TestHooksOfTheConfigurationAreKept(t *testing.T) {
	config, err := pgxpool.ParseConfig(needServer(t))
	require.NoError(t, err)
	heard, checked := 0, 0
	config.ConnConfig.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) { heard++ }
	config.ConnConfig.ValidateConnect = func(context.Context, *pgconn.PgConn) error { checked++; return nil }
	o := pgledger.Options{Schema: newSchema()}
	s, err := pgledger.OpenConfig(t.Context(), config, &o)
	require.NoError(t, err)
	defer s.Close()
	require.Positive(t, checked)
	again, err := pgledger.OpenConfig(t.Context(), config, &o)
	require.NoError(t, err, "the configuration is copied")
	defer again.Close()
}

func TestWait(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema(), Poll: 20 * time.Millisecond}
	a, b := recovered(t, dsn, o), recovered(t, dsn, o)
	own := recovered(t, dsn, pgledger.Options{Schema: o.Schema, Poll: time.Hour})
	wait := func(ctx context.Context, s *pgledger.Store, size uint64) chan error {
		out := make(chan error, 1)
		go func() { out <- s.Wait(ctx, size) }()
		return out
	}
	one := wait(t.Context(), b, 0)
	time.Sleep(30 * time.Millisecond)
	select {
	case err := <-one:
		require.NoError(t, errors.Join(err, errors.New("nothing was written")))
	default:
	}
	require.NoError(t, a.Commit(t.Context(), batch(0, 2, "a")))
	require.NoError(t, <-one)
	require.NoError(t, b.Wait(t.Context(), 1))

	_, err := own.Head(t.Context())
	require.NoError(t, err)
	self := wait(t.Context(), own, 2)
	time.Sleep(150 * time.Millisecond) // the pauses have grown
	start := time.Now()
	require.NoError(t, own.Commit(t.Context(), batch(2, 1, "own")))
	require.NoError(t, <-self)
	require.Less(t, time.Since(start), time.Second)

	ctx, cancel := context.WithCancel(t.Context())
	cancelled := wait(ctx, b, 100)
	cancel()
	require.ErrorIs(t, <-cancelled, context.Canceled)
	closed := wait(t.Context(), b, 100)
	time.Sleep(10 * time.Millisecond)
	require.NoError(t, b.Close())
	require.ErrorIs(t, <-closed, ledger.ErrClosed)
	require.ErrorIs(t, b.Wait(t.Context(), 0), ledger.ErrClosed)
}

func TestClosedStore(t *testing.T) {
	s := recovered(t, needServer(t), pgledger.Options{Schema: newSchema()})
	require.NoError(t, s.Commit(t.Context(), batch(0, 1, "x")))
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Commit(t.Context(), batch(1, 1, "x")), ledger.ErrClosed)
	_, err := s.Head(t.Context())
	require.ErrorIs(t, err, ledger.ErrClosed)
	_, err = s.Recover(t.Context())
	require.ErrorIs(t, err, ledger.ErrClosed)
	_, _, err = s.Secret(t.Context(), "x")
	require.ErrorIs(t, err, ledger.ErrClosed)
	require.ErrorIs(t, s.Erase(t.Context(), []uint64{0}), ledger.ErrClosed)
	require.ErrorIs(t, s.Scrub(t.Context()), ledger.ErrClosed)
	for _, err := range s.Read(t.Context(), 0, 1) {
		require.ErrorIs(t, err, ledger.ErrClosed)
	}
}

func TestCacheBelongsToItsLog(t *testing.T) {
	dsn, dir := needServer(t), t.TempDir()
	one := pgledger.Options{Schema: newSchema(), CacheDir: dir}
	two := pgledger.Options{Schema: newSchema(), CacheDir: dir}
	save := func(s *pgledger.Store, text string) {
		require.NoError(t, s.SaveCache("index", func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		}))
	}
	load := func(s *pgledger.Store) (string, bool) {
		b, release, ok, err := s.LoadCache("index")
		require.NoError(t, err)
		if ok {
			defer func() { require.NoError(t, release()) }()
		}
		return string(b), ok
	}
	a, b := openStore(t, dsn, one), openStore(t, dsn, two)
	_, ok := load(a)
	require.False(t, ok)
	save(a, "first")
	mapped, release, ok, err := a.LoadCache("index")
	require.NoError(t, err)
	require.True(t, ok)
	save(a, "second")
	assert.Equal(t, "first", string(mapped))
	require.NoError(t, release())
	_, ok = load(b)
	require.False(t, ok, "of another log")
	got, ok := load(openStore(t, dsn, one))
	require.True(t, ok)
	require.Equal(t, "second", got)

	broken := errors.New("broken")
	require.ErrorIs(t, a.SaveCache("index", func(io.Writer) error { return broken }), broken)
	got, _ = load(a)
	require.Equal(t, "second", got)
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	left, err := filepath.Glob(filepath.Join(dir, "*", ".new-*"))
	require.NoError(t, err)
	require.Empty(t, left)
	info, err := os.Stat(filepath.Dir(files[0]))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	_, _, _, err = a.LoadCache("../up")
	require.ErrorIs(t, err, ledger.ErrInvalid)

	dead, alive := filepath.Join(filepath.Dir(files[0]), ".new-1"), filepath.Join(filepath.Dir(files[0]), ".new-2")
	for _, path := range []string{dead, alive} {
		require.NoError(t, os.WriteFile(path, []byte("torn"), 0o600))
	}
	require.NoError(t, os.Chtimes(dead, time.Time{}, time.Now().Add(-2*time.Hour)))
	openStore(t, dsn, one)
	require.NoFileExists(t, dead)
	require.FileExists(t, alive, "another process may be writing it")

	none := openStore(t, dsn, pgledger.Options{Schema: one.Schema})
	save(none, "nowhere")
	_, ok = load(none)
	require.False(t, ok)
}
