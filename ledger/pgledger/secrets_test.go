package pgledger_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/pgledger"
)

func TestSecretsOfAnEmptyLogAreMadeOnce(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	a, b := recovered(t, dsn, o), recovered(t, dsn, o)
	for _, s := range []*pgledger.Store{a, b} {
		_, ok, err := s.Secret(t.Context(), "tenant")
		require.NoError(t, err)
		require.False(t, ok)
	}
	require.NoError(t, a.PutSecrets(t.Context(), map[string][]byte{"tenant": []byte("a"), "other": []byte("a")}))
	require.NoError(t, a.Commit(t.Context(), batch(0, 1, "a")))
	require.ErrorIs(t, b.PutSecrets(t.Context(), map[string][]byte{"fresh": []byte("b"), "tenant": []byte("b")}), ledger.ErrFenced)
	_, ok, err := b.Secret(t.Context(), "fresh")
	require.NoError(t, err)
	require.False(t, ok, "all or nothing")
	v, _, err := b.Secret(t.Context(), "tenant")
	require.NoError(t, err)
	require.Equal(t, "a", string(v))
	require.NoError(t, b.PutSecrets(t.Context(), map[string][]byte{"tenant": []byte("b")}), "knowing what it replaces")
	require.NoError(t, b.PutSecrets(t.Context(), map[string][]byte{"other": []byte("b")}), "never asked")
}

// Many processes open a new log at once. Those that come second are told so and
// open again; nobody ends with keys of its own.
func TestFirstOpeningIsARace(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	var wg sync.WaitGroup
	var mu sync.Mutex
	keys := map[string]bool{}
	for i := range 8 {
		wg.Go(func() {
			for {
				s, err := pgledger.Open(t.Context(), dsn, &o)
				if !assert.NoError(t, err) {
					return
				}
				l, err := ledger.Open(t.Context(), s, nil)
				if errors.Is(err, ledger.ErrFenced) {
					continue
				}
				if !assert.NoError(t, err) {
					return
				}
				w := &writer{log: l, dsn: dsn, o: o, name: fmt.Sprint("first ", i), rounds: 2, ack: func(string, ledger.Receipt) {}}
				mu.Lock()
				keys[l.VerifierKey()] = true
				mu.Unlock()
				assert.NoError(t, w.run(t.Context()))
				return
			}
		})
	}
	wg.Wait()
	require.Len(t, keys, 1)
	audit(t, dsn, o, &acks{})
}

// A database sees no names, keys and payloads: not in its rows, not in its files,
// not in its log. After a shredding and a scrub the ciphertext is gone too.
func TestDatabaseSeesNoClearText(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	tenant := bytes.Repeat([]byte{7}, 32)
	s, err := pgledger.Open(t.Context(), dsn, &o)
	require.NoError(t, err)
	l, err := ledger.Open(t.Context(), s, &ledger.Options{TenantKey: tenant})
	require.NoError(t, err)
	defer l.Close()
	words := []string{"visible-stream", "visible-type", "visible-key", "visible-subject", "visible-payload"}
	a := ledger.Append{Stream: words[0], Type: words[1], Key: words[2], Subjects: []string{words[3]}, Payload: bytes.Repeat([]byte(words[4]), 500)}
	_, err = l.Append(t.Context(), a)
	require.NoError(t, err)
	a.Key, a.Payload = words[2]+"-2", []byte(words[4])
	_, err = l.Append(t.Context(), a)
	require.NoError(t, err)
	_, err = l.Append(t.Context(), ledger.Append{Stream: words[0], Type: words[1], Key: words[2], Payload: []byte(words[4])})
	require.ErrorIs(t, err, ledger.ErrKeyReused)

	c := sqlConn(t, dsn)
	ciphertext := func() (found []byte) {
		require.NoError(t, c.QueryRow(t.Context(), `select payload from `+table(o.Schema, "entry")+` where pos = 0`).Scan(&found))
		return found
	}
	sealed := ciphertext()
	require.Greater(t, len(sealed), 7000)
	_, err = c.Exec(t.Context(), `checkpoint`)
	require.NoError(t, err)
	files := func(word []byte) (found []string) {
		require.NoError(t, filepath.WalkDir(shared.DataDir(), func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) || err == nil && !d.Type().IsRegular() {
				return nil
			}
			b, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if bytes.Contains(b, word) {
				found = append(found, path)
			}
			return err
		}))
		return found
	}
	said, err := shared.Log()
	require.NoError(t, err)
	for _, word := range words {
		require.Empty(t, files([]byte(word)), word)
		require.NotContains(t, said, word)
		require.NotContains(t, said, hex.EncodeToString([]byte(word)))
	}
	require.Empty(t, files(tenant))
	part := sealed[100:140] // rows above 2 KB lie in pieces of about 2 KB
	require.NotEmpty(t, files(part), "the search finds what is there")

	require.NoError(t, shred(t.Context(), l, words[3]))
	require.Nil(t, ciphertext())
	require.NoError(t, s.Scrub(t.Context()))
	var dead int
	require.NoError(t, c.QueryRow(t.Context(), `select count(*) from `+table(o.Schema, "secret")+` where length(name) > 40`).Scan(&dead))
	require.Zero(t, dead, "key of the subject")
}

func TestDeletedSecretIsGoneForAll(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	a, b := recovered(t, dsn, o), recovered(t, dsn, o)
	first := batch(0, 1, "a")
	first.Secrets = []ledger.Secret{{Name: "subject-1", Value: []byte("wrapped")}}
	require.NoError(t, a.Commit(t.Context(), first))
	v, ok, err := b.Secret(t.Context(), "subject-1")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "wrapped", string(v))
	require.NoError(t, a.DeleteSecrets(t.Context(), "subject-1", "never"))
	_, ok, err = b.Secret(t.Context(), "subject-1")
	require.NoError(t, err)
	require.False(t, ok)

	fenced := batch(0, 1, "late")
	fenced.Secrets = []ledger.Secret{{Name: "subject-1", Value: []byte("risen")}}
	require.ErrorIs(t, b.Commit(t.Context(), fenced), ledger.ErrFenced)
	_, ok, err = b.Secret(t.Context(), "subject-1")
	require.NoError(t, err)
	require.False(t, ok, "a fenced batch brings no secrets")
}

// The least a user needs once an administrator has made the tables.
func TestUserWithoutRightsToCreate(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	openStore(t, dsn, o)
	c := sqlConn(t, dsn)
	schema := pgx.Identifier{o.Schema}.Sanitize()
	execSQL(t, c, `create role clerk login`)
	_, err := pgledger.Open(t.Context(), dsn+" user=clerk", &pgledger.Options{Schema: newSchema()})
	e, ok := errors.AsType[*pgledger.ServerError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, "42501", e.Code)
	execSQL(t, c, `grant usage on schema `+schema+` to clerk`)
	execSQL(t, c, `grant select, insert, update, delete on all tables in schema `+schema+` to clerk`)
	l := openLog(t, dsn+" user=clerk", o)
	a := entry("s", "k")
	a.Subjects = []string{"p"}
	_, err = l.Append(t.Context(), a)
	require.NoError(t, err)
	require.NoError(t, shred(t.Context(), l, "p"))
}

func TestTablesAreMadeOnce(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := pgledger.Open(context.Background(), dsn, &o)
			if assert.NoError(t, err) {
				assert.NoError(t, s.Close())
			}
		})
	}
	wg.Wait()
	c := sqlConn(t, dsn)
	var n int
	require.NoError(t, c.QueryRow(t.Context(), `select count(*) from `+table(o.Schema, "migration")).Scan(&n))
	require.Equal(t, 1, n)
	execSQL(t, c, `insert into `+table(o.Schema, "migration")+` (version) values (1000)`)
	_, err := pgledger.Open(t.Context(), dsn, &o)
	require.ErrorContains(t, err, "schema has version 1000, this program knows 1")
}
