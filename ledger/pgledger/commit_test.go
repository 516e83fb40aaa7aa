package pgledger_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/pgledger"
)

// frames reads everything and checks that it is dense.
func frames(t testing.TB, s ledger.Store, size uint64) []ledger.Frame {
	t.Helper()
	var out []ledger.Frame
	for f, err := range s.Read(t.Context(), 0, size) {
		require.NoError(t, err)
		require.Equal(t, uint64(len(out)), f.Index)
		out = append(out, f)
	}
	require.Len(t, out, int(size))
	return out
}

func TestStaleWriterIsFencedAndFollows(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	a, b := recovered(t, dsn, o), recovered(t, dsn, o)
	first := batch(0, 3, "a")
	require.NoError(t, a.Commit(t.Context(), first))
	require.ErrorIs(t, b.Commit(t.Context(), batch(0, 2, "b")), ledger.ErrFenced)
	require.ErrorIs(t, b.Commit(t.Context(), batch(3, 2, "b")), ledger.ErrFenced, "not before it was told of the head")
	head, err := b.Head(t.Context())
	require.NoError(t, err)
	require.Equal(t, first.Head, head)
	second := batch(3, 2, "b")
	require.NoError(t, b.Commit(t.Context(), second))
	require.ErrorIs(t, a.Commit(t.Context(), batch(3, 1, "a again")), ledger.ErrFenced)
	require.Equal(t, append(first.Frames, second.Frames...), frames(t, a, 5))
}

// The two ways of writing a batch leave the same rows.
func TestLargeBatchesAreCopied(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	a, b := recovered(t, dsn, o), recovered(t, dsn, o)
	var want []ledger.Frame
	for i, n := range []int{1023, 1024, 3000, 1} {
		large := batch(len(want), n, fmt.Sprint("copy ", i))
		large.Frames[n-1].Payload = []byte{}
		large.Frames[0].Payload, large.Frames[0].Erased = nil, true
		large.Secrets = []ledger.Secret{{Name: fmt.Sprint("s", i), Value: []byte{byte(i)}}, {Name: "same", Value: []byte{byte(i)}}}
		require.NoError(t, a.Commit(t.Context(), large))
		require.ErrorIs(t, b.Commit(t.Context(), large), ledger.ErrFenced, "%d entries", n)
		_, err := b.Head(t.Context())
		require.NoError(t, err)
		want = append(want, large.Frames...)
		for _, name := range []string{fmt.Sprint("s", i), "same"} {
			v, ok, err := b.Secret(t.Context(), name)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, []byte{byte(i)}, v)
		}
	}
	heavy := batch(len(want), 5, "heavy")
	for i := range heavy.Frames {
		heavy.Frames[i].Payload = make([]byte, ledger.MaxPayload+16)
	}
	require.NoError(t, a.Commit(t.Context(), heavy))
	want = append(want, heavy.Frames...)
	require.Equal(t, want, frames(t, b, uint64(len(want))))
}

// TestSwapUnderContention lets stores race without a log in between.
func TestSwapUnderContention(t *testing.T) {
	dsn, o := needServer(t)+" synchronous_commit=off", pgledger.Options{Schema: newSchema(), AllowUnsafe: true}
	const writers, rounds = 8, 12
	var mu sync.Mutex
	won := map[uint64]string{} // first position -> tag
	var wg sync.WaitGroup
	for w := range writers {
		s := recovered(t, dsn, o)
		random := rand.New(rand.NewPCG(1, uint64(w)))
		wg.Go(func() {
			for round := 0; round < rounds; {
				head, err := s.Head(t.Context())
				if !assert.NoError(t, err) {
					return
				}
				n := 1 + random.IntN(5)
				if random.IntN(8) == 0 {
					n = 1100
				}
				tag := fmt.Sprintf("%d/%d", w, round)
				switch err := s.Commit(t.Context(), batch(int(head.Size), n, tag)); {
				case err == nil:
					mu.Lock()
					for i := range n {
						won[head.Size+uint64(i)] = fmt.Sprintf("leaf %s %d", tag, i)
					}
					mu.Unlock()
					round++
				case !assert.ErrorIs(t, err, ledger.ErrFenced):
					return
				}
			}
		})
	}
	wg.Wait()
	s := recovered(t, dsn, o)
	head, err := s.Head(t.Context())
	require.NoError(t, err)
	require.Len(t, won, int(head.Size))
	for _, f := range frames(t, s, head.Size) {
		require.Equal(t, won[f.Index], string(f.Leaf))
	}
}

// capture keeps the leaves of a log.
func leaves(t *testing.T, entries ...ledger.Append) [][]byte {
	t.Helper()
	s := ledger.NewMemoryStore()
	l, err := ledger.Open(t.Context(), s, &ledger.Options{TenantKey: make([]byte, 32)})
	require.NoError(t, err)
	defer l.Close()
	_, err = l.Append(t.Context(), entries...)
	require.NoError(t, err)
	var out [][]byte
	for f, err := range s.Read(t.Context(), 0, uint64(len(entries))) {
		require.NoError(t, err)
		out = append(out, append([]byte(nil), f.Leaf...))
	}
	return out
}

// Two logs of one tenant key that do not know of each other make leaves with the
// same tags. The database refuses the second, whoever has swapped the head.
func TestTagsAreUnique(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	s := recovered(t, dsn, o)
	add := func(first int, leaf []byte) error {
		b := batch(first, 1, "forged")
		b.Frames[0].Leaf = leaf
		return s.Commit(t.Context(), b)
	}
	original := leaves(t, entry("stream", "key"))[0]
	sameKey := leaves(t, entry("another", "key"))[0]
	samePosition := leaves(t, entry("stream", "another"))[0]
	nextPosition := leaves(t, entry("stream", "1"), entry("stream", "2"))[1]
	require.NoError(t, add(0, original))
	for what, leaf := range map[string][]byte{"key tag": sameKey, "position tag": samePosition, "tag": original} {
		err := add(1, leaf)
		require.ErrorIs(t, err, ledger.ErrCorrupt)
		require.ErrorContains(t, err, what+" of the batch is in the log already")
	}
	large := batch(1, 1100, "large")
	large.Frames[1099].Leaf = sameKey
	require.ErrorIs(t, s.Commit(t.Context(), large), ledger.ErrCorrupt)
	require.NoError(t, add(1, nextPosition))
	require.Len(t, frames(t, s, 2), 2)
}

func TestHistoryThatWentBackIsRefused(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	s, c := recovered(t, dsn, o), sqlConn(t, dsn)
	require.NoError(t, s.Commit(t.Context(), batch(0, 2, "x")))
	whole := batch(2, 2, "y")
	require.NoError(t, s.Commit(t.Context(), whole))

	execSQL(t, c, `update `+table(o.Schema, "head")+` set root = sha256('another')`)
	require.ErrorIs(t, s.Commit(t.Context(), batch(4, 1, "z")), ledger.ErrCorrupt)
	_, err := s.Head(t.Context())
	require.ErrorIs(t, err, ledger.ErrCorrupt)

	execSQL(t, c, `update `+table(o.Schema, "head")+` set size = 3`)
	err = s.Commit(t.Context(), batch(4, 1, "z"))
	require.ErrorIs(t, err, ledger.ErrCorrupt)
	require.ErrorContains(t, err, "3 entries of the 4")

	execSQL(t, c, `delete from `+table(o.Schema, "entry")+` where pos = 2`)
	again := openStore(t, dsn, o)
	_, err = again.Recover(t.Context())
	corrupt, ok := errors.AsType[*ledger.CorruptError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, int64(2), corrupt.Index)

	execSQL(t, c, `update `+table(o.Schema, "head")+` set size = 4, root = $1, id = substring(sha256('x') for 16)`, whole.Head.Root[:])
	for range 2 {
		require.ErrorContains(t, s.Commit(t.Context(), batch(4, 1, "z")), "another log")
		_, err = s.Head(t.Context())
		require.ErrorContains(t, err, "another log")
	}
}

func TestMissingEntriesAreNamed(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	s, c := recovered(t, dsn, o), sqlConn(t, dsn)
	require.NoError(t, s.Commit(t.Context(), batch(0, 1500, "x")))
	execSQL(t, c, `delete from `+table(o.Schema, "entry")+` where pos = 1200`)
	var last uint64
	var failed error
	for f, err := range s.Read(t.Context(), 100, 1500) {
		if failed = err; err == nil {
			last = f.Index
		}
	}
	corrupt, ok := errors.AsType[*ledger.CorruptError](failed)
	require.True(t, ok, "%v", failed)
	require.Equal(t, int64(1200), corrupt.Index)
	require.Equal(t, uint64(1199), last)
	for _, err := range s.Read(t.Context(), 1500, 1501) {
		outside, ok := errors.AsType[*ledger.RangeError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, uint64(1500), outside.Limit)
	}
	require.ErrorIs(t, s.Erase(t.Context(), []uint64{3, 1500}), ledger.ErrRange)
	require.False(t, frames(t, s, 4)[3].Erased, "all or nothing")
}

// fail makes the next n inserts of entries fail with a code; n < 0 for all.
func fail(t *testing.T, dsn, schema, code string, n int) {
	t.Helper()
	c := sqlConn(t, dsn)
	entryTable, counter, function := table(schema, "entry"), table(schema, "counter"), table(schema, "fail")
	execSQL(t, c, `drop sequence if exists `+counter+` cascade`)
	execSQL(t, c, `drop function if exists `+function+` cascade`)
	if n == 0 {
		return
	}
	execSQL(t, c, `create sequence `+counter) // not undone with a transaction
	execSQL(t, c, fmt.Sprintf(`create function %s() returns trigger language plpgsql as $$ begin
		if nextval('%s') <= %d or %d < 0 then raise exception 'on purpose' using errcode = '%s'; end if;
		return new; end $$`, function, counter, n, n, code))
	execSQL(t, c, `create trigger fail before insert on `+entryTable+` for each statement execute function `+function+`()`)
}

func TestSerializationFailuresAreRetried(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema(), Patience: 300 * time.Millisecond}
	s := recovered(t, dsn, o)
	first := 0
	for _, code := range []string{"40001", "40P01"} {
		for _, n := range []int{3, 700} {
			fail(t, dsn, o.Schema, code, 3)
			require.NoError(t, s.Commit(t.Context(), batch(first, n, code)))
			first += n
		}
	}
	fail(t, dsn, o.Schema, "40001", -1)
	err := s.Commit(t.Context(), batch(first, 1, "never"))
	e, ok := errors.AsType[*pgledger.ServerError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, "40001", e.Code)
	require.NotErrorIs(t, err, ledger.ErrUnknownOutcome)
	require.ErrorIs(t, err, ledger.ErrReadOnly, "the log need not be opened again")
	fail(t, dsn, o.Schema, "", 0)
	require.NoError(t, s.Commit(t.Context(), batch(first, 1, "now")))
}

func TestFullServerTakesTheNextCommit(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	s := recovered(t, dsn, o)
	for i, n := range []int{1, 1100} {
		fail(t, dsn, o.Schema, "53100", 1)
		b := batch(i, n, "full")
		require.ErrorIs(t, s.Commit(t.Context(), b), ledger.ErrFull)
		head, err := s.Head(t.Context())
		require.NoError(t, err)
		require.Equal(t, uint64(i), head.Size)
		require.NoError(t, s.Commit(t.Context(), b))
	}
}

func TestReadOnlySession(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema(), Patience: 200 * time.Millisecond}
	recovered(t, dsn, o)
	s := recovered(t, dsn+" default_transaction_read_only=on", o)
	err := s.Commit(t.Context(), batch(0, 1, "x"))
	require.ErrorIs(t, err, ledger.ErrReadOnly)
	require.NotErrorIs(t, err, ledger.ErrUnknownOutcome)
}

// What PostgreSQL says of a row that breaks a constraint quotes the row.
func TestErrorsQuoteNoRow(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	s, c := recovered(t, dsn, o), sqlConn(t, dsn)
	execSQL(t, c, `alter table `+table(o.Schema, "entry")+` add constraint small check (octet_length(payload) < 100)`)
	for _, n := range []int{1, 1100} {
		b := batch(0, n, "secret")
		b.Frames[n-1].Payload = []byte(strings.Repeat("secret", 100))
		err := s.Commit(t.Context(), b)
		e, ok := errors.AsType[*pgledger.ServerError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, "23514", e.Code)
		_, driver := errors.AsType[*pgconn.PgError](err)
		require.False(t, driver)
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", e)} {
			require.NotContains(t, text, "secret")
			require.NotContains(t, text, "736563726574")
		}
	}
	require.NoError(t, s.Commit(t.Context(), batch(0, 1, "small")))
	fail(t, dsn, o.Schema, "22023", -1)
	require.NotContains(t, s.Commit(t.Context(), batch(1, 1, "x")).Error(), "on purpose", "what the server quotes of a value")
}

func TestUnsafeServersAreRefused(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	_, err := pgledger.Open(t.Context(), dsn+" synchronous_commit=off", &o)
	require.ErrorIs(t, err, pgledger.ErrUnsafe)
	require.ErrorContains(t, err, "synchronous_commit = off")
	openStore(t, dsn+" synchronous_commit=local", o)
	_, err = pgledger.Open(t.Context(), dsn+" synchronous_commit=remote_write", &o)
	require.ErrorIs(t, err, pgledger.ErrUnsafe)

	s, c := recovered(t, dsn, o), sqlConn(t, dsn)
	set := func(setting, value string) {
		execSQL(t, c, `alter system set `+setting+` = `+value)
		execSQL(t, c, `select pg_reload_conf()`)
		require.Eventually(t, func() bool {
			var have string
			require.NoError(t, c.QueryRow(t.Context(), `select current_setting($1)`, setting).Scan(&have))
			return have == value
		}, 5*time.Second, 5*time.Millisecond)
		time.Sleep(20 * time.Millisecond) // the store's sessions hear of it no later than of their next statement
	}
	for i, setting := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		set(setting, "off")
		for _, n := range []int{1, 1100} {
			err := s.Commit(t.Context(), batch(i, n, "unsafe"))
			assert.ErrorIs(t, err, pgledger.ErrUnsafe)
			assert.ErrorIs(t, err, ledger.ErrReadOnly)
			assert.ErrorContains(t, err, setting+" = off")
		}
		_, err := s.Head(t.Context())
		assert.ErrorIs(t, err, pgledger.ErrUnsafe)
		assert.ErrorIs(t, s.PutSecrets(t.Context(), map[string][]byte{"a": nil}), pgledger.ErrUnsafe)
		set(setting, "on")
		require.NoError(t, s.Commit(t.Context(), batch(i, 1, "safe")))
	}
	unsafe := recovered(t, dsn+" synchronous_commit=off", pgledger.Options{Schema: o.Schema, AllowUnsafe: true})
	require.NoError(t, unsafe.Commit(t.Context(), batch(3, 1, "knowingly")))
}

func TestCancelledWaitForTheHead(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	s, c := recovered(t, dsn, o), sqlConn(t, dsn)
	execSQL(t, c, `begin`)
	execSQL(t, c, `update `+table(o.Schema, "head")+` set size = size`)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := s.Commit(ctx, batch(0, 1, "x"))
	require.ErrorIs(t, err, ledger.ErrUnknownOutcome)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	execSQL(t, c, `rollback`)
	head, err := s.Head(t.Context())
	require.NoError(t, err)
	require.LessOrEqual(t, head.Size, uint64(1))

	done, stop := context.WithCancel(t.Context())
	stop()
	err = s.Commit(done, batch(int(head.Size), 1, "y"))
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, ledger.ErrUnknownOutcome, "nothing was sent")
}
