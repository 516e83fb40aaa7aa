package witness_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger/witness"
)

// Each check of the witness, and the test that fails without it:
//
//	form of the request                    TestServerAnswersByTheSpecification, FuzzRequest
//	origin is known                        TestServerAnswersByTheSpecification
//	signature of the log                   TestServerAnswersByTheSpecification
//	old size at most the checkpoint's      TestServerAnswersByTheSpecification
//	old size is the remembered one         TestServerAnswersByTheSpecification
//	equal sizes have equal roots           TestWitnessRefusesAForkOfTheSameSize
//	consistency proof                      TestWitnessRefusesAFork
//	proof is empty from size 0             TestServerAnswersByTheSpecification
//	root of the empty tree                 TestServerAnswersByTheSpecification
//	compare and set                        TestRacingRequestsNeverRollBack, TestStores
//	stored before signed                   TestStoreThatFailsSignsNothing
//
// and of the client:
//
//	signature of the witness               TestClientBelievesNothing
//	signature over this checkpoint         TestClientBelievesNothing
//	limit of the answer                    TestClientBelievesNothing
//	witness is ahead                       TestWitnessSeesARollback

// body writes an add-checkpoint request by hand.
func body(old int, proof []tlog.Hash, signed []byte) string {
	var s strings.Builder
	fmt.Fprintf(&s, "old %d\n", old)
	for _, h := range proof {
		fmt.Fprintln(&s, h)
	}
	return fmt.Sprintf("%s\n%s", &s, signed)
}

func post(t testing.TB, h http.Handler, body string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/add-checkpoint", strings.NewReader(body)))
	return w
}

func proof(t testing.TB, x *tree, from, to int) []tlog.Hash {
	p, err := tlog.ProveTree(int64(to), int64(from), x)
	require.NoError(t, err)
	return p
}

func TestServerAnswersByTheSpecification(t *testing.T) {
	log, unknown := newTree(t, "example.org/log", 40), newTree(t, "example.org/unknown", 5)
	other := newTree(t, "example.org/log", 40) // of that name, with another key
	skey, vkey, err := witness.GenerateKey("example.org/witness")
	require.NoError(t, err)
	s, err := witness.NewServer(skey, witness.NewMemoryStore(), log.vkey)
	require.NoError(t, err)
	five := log.at(t, 5)
	zero := strings.Replace(log.text(t, 0), "47DEQp", "47DEQq", 1)
	require.NotEqual(t, log.text(t, 0), zero)

	for _, c := range []struct {
		what, body string
		status     int
		answer     string
	}{
		{"empty", "", 400, ""},
		{"no checkpoint", "old 0\n\n", 400, ""},
		{"no old line", "\n" + string(five), 400, ""},
		{"leading zero", strings.Replace(body(0, nil, five), "old 0", "old 00", 1), 400, ""},
		{"plus", strings.Replace(body(0, nil, five), "old 0", "old +0", 1), 400, ""},
		{"two spaces", strings.Replace(body(0, nil, five), "old 0", "old  0", 1), 400, ""},
		{"carriage return", strings.Replace(body(0, nil, five), "old 0", "old 0\r", 1), 400, ""},
		{"short hash", "old 3\nAAAA\n\n" + string(five), 400, ""},
		{"64 hashes", body(3, make([]tlog.Hash, 64), five), 400, ""},
		{"too large", body(0, nil, log.sign(t, log.text(t, 5)+strings.Repeat("x", 70_000)+"\n")), 400, ""},
		{"damaged note", body(0, nil, bytes.TrimSuffix(five, []byte("\n"))), 400, ""},
		{"not canonical", body(0, nil, log.sign(t, strings.Replace(log.text(t, 5), "\n5\n", "\n05\n", 1))), 400, ""},
		{"unknown log", body(0, nil, unknown.at(t, 5)), 404, ""},
		{"other key", body(0, nil, other.at(t, 5)), 403, ""},
		{"damaged signature", body(0, nil, bytes.Replace(five, []byte("\n5\n"), []byte("\n6\n"), 1)), 403, ""},
		{"old size above", body(6, nil, five), 400, ""},
		{"old size of another witness", body(3, proof(t, log, 3, 5), five), 409, "0\n"},
		{"proof from nothing", body(0, proof(t, log, 3, 5), five), 422, ""},
		{"empty tree with a root", body(0, nil, log.sign(t, zero)), 422, ""},
		{"the empty tree", body(0, nil, log.at(t, 0)), 200, ""},
		{"first", body(0, nil, five), 200, ""},
		{"again, old size", body(0, nil, five), 409, "5\n"},
		{"again, with a proof", body(5, proof(t, log, 3, 5), five), 422, ""},
		{"again", body(5, nil, five), 200, ""},
		{"no proof", body(5, nil, log.at(t, 40)), 422, ""},
		{"wrong proof", body(5, proof(t, log, 4, 40), log.at(t, 40)), 422, ""},
		{"rollback", body(5, nil, log.at(t, 4)), 400, ""},
		{"rollback, honestly", body(4, nil, log.at(t, 4)), 409, "5\n"},
		{"more", body(5, proof(t, log, 5, 40), log.at(t, 40)), 200, ""},
		{"two signatures", body(40, nil, other.sign(t, log.text(t, 40), log.signer)), 200, ""},
		{"extension line", body(40, nil, log.sign(t, log.text(t, 40)+"extension\n")), 200, ""},
	} {
		w := post(t, s, c.body)
		require.Equal(t, c.status, w.Code, "%s: %s", c.what, w.Body)
		switch c.status {
		case 409:
			assert.Equal(t, c.answer, w.Body.String(), c.what)
			assert.Equal(t, "text/x.tlog.size", w.Header().Get("Content-Type"), c.what)
		case 200:
			_, signed, _ := strings.Cut(c.body, "\n\n")
			when, err := witness.Cosignatures(join([]byte(signed), w.Body.String()), vkey)
			require.NoError(t, err, c.what)
			require.Len(t, when, 1)
			assert.Equal(t, "example.org/witness", when[0].Name)
			assert.WithinDuration(t, time.Now(), when[0].Time, 3*time.Second)
		}
	}

	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/add-checkpoint", nil))
	assert.Equal(t, 405, w.Code)
	w = httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	assert.Equal(t, 404, w.Code)

	require.NoError(t, s.Know(other.vkey), "a rotated key is known beside the old one")
	assert.Equal(t, 200, post(t, s, body(40, nil, other.sign(t, log.text(t, 40)))).Code)
	assert.ErrorIs(t, s.Know("no key"), witness.ErrKey)
}

func TestWitnessRefusesAFork(t *testing.T) {
	log := newTree(t, "example.org/log", 50)
	p := newParty(t, "example.org/witness", witness.NewMemoryStore(), log.vkey)
	_, err := p.client.Cosign(t.Context(), log.at(t, 20), log.prove(20))
	require.NoError(t, err)
	for at := range 20 {
		forked := log.fork(t, at, 50)
		_, err := p.client.Cosign(t.Context(), forked.at(t, 50), forked.prove(50))
		require.ErrorIs(t, err, witness.ErrInconsistent, "fork at %d", at)
		var refused *witness.RefusedError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, 422, refused.Status)
	}
	_, err = p.client.Cosign(t.Context(), log.at(t, 50), log.prove(50))
	require.NoError(t, err, "the honest view goes on")
}

func TestWitnessRefusesAForkOfTheSameSize(t *testing.T) {
	log := newTree(t, "example.org/log", 20)
	p := newParty(t, "example.org/witness", witness.NewMemoryStore(), log.vkey)
	_, err := p.client.Cosign(t.Context(), log.at(t, 20), log.prove(20))
	require.NoError(t, err)
	forked := log.fork(t, 19, 20)
	var refused *witness.RefusedError
	_, err = p.client.Cosign(t.Context(), forked.at(t, 20), forked.prove(20))
	require.ErrorAs(t, err, &refused)
	require.Equal(t, 409, refused.Status)
	require.ErrorIs(t, err, witness.ErrInconsistent)
	require.Equal(t, 409, post(t, p.server, body(20, nil, forked.at(t, 20))).Code)
}

func TestWitnessSeesARollback(t *testing.T) {
	log := newTree(t, "example.org/log", 20)
	p := newParty(t, "example.org/witness", witness.NewMemoryStore(), log.vkey)
	_, err := p.client.Cosign(t.Context(), log.at(t, 20), log.prove(20))
	require.NoError(t, err)
	fresh, err := witness.NewClient(p.web.Client(), p.web.URL, p.server.VerifierKey())
	require.NoError(t, err)
	for _, c := range []*witness.Client{p.client, fresh} {
		_, err := c.Cosign(t.Context(), log.at(t, 15), log.prove(15))
		var ahead *witness.AheadError
		require.ErrorAs(t, err, &ahead)
		require.Equal(t, witness.AheadError{Witness: "example.org/witness", Size: 15, Have: 20}, *ahead)
		require.ErrorIs(t, err, witness.ErrInconsistent)
	}
}

// Two readers who ask for both witnesses cannot be shown two trees.
func TestSplitViewEndToEnd(t *testing.T) {
	log := newTree(t, "example.org/log", 30)
	forked := log.fork(t, 10, 30)
	a := newParty(t, "buyer.example/witness", witness.NewMemoryStore(), log.vkey)
	b := newParty(t, "seller.example/witness", witness.NewMemoryStore(), log.vkey)
	both, err := witness.AtLeast(2, a.server.VerifierKey(), b.server.VerifierKey())
	require.NoError(t, err)

	// The log shows one tree to the first witness and another to the second.
	one, err := a.client.Cosign(t.Context(), log.at(t, 30), log.prove(30))
	require.NoError(t, err)
	two, err := b.client.Cosign(t.Context(), forked.at(t, 30), forked.prove(30))
	require.NoError(t, err)

	for what, signed := range map[string][]byte{
		"first view":          join(log.at(t, 30), one),
		"second view":         join(forked.at(t, 30), two),
		"the other signature": join(log.at(t, 30), one, two),
	} {
		require.Error(t, both.Check(signed), what)
	}
	_, err = b.client.Cosign(t.Context(), log.at(t, 30), log.prove(30))
	require.ErrorIs(t, err, witness.ErrInconsistent, "neither view gets the second signature")
	_, err = a.client.Cosign(t.Context(), forked.at(t, 30), forked.prove(30))
	require.ErrorIs(t, err, witness.ErrInconsistent)
}

func TestClientAsksAsOftenAsItMust(t *testing.T) {
	log := newTree(t, "example.org/log", 40)
	p := newParty(t, "example.org/witness", witness.NewMemoryStore(), log.vkey)
	for i, size := range []int{5, 5, 17, 40} {
		_, err := p.client.Cosign(t.Context(), log.at(t, size), log.prove(size))
		require.NoError(t, err)
		require.Equal(t, int64(i+1), p.requests.Load(), "one request each")
	}
	fresh, err := witness.NewClient(p.web.Client(), p.web.URL, p.server.VerifierKey())
	require.NoError(t, err)
	_, err = fresh.Cosign(t.Context(), log.at(t, 40), log.prove(40))
	require.NoError(t, err)
	require.Equal(t, int64(6), p.requests.Load(), "a client that knows nothing asks twice")
}

func TestRacingRequestsNeverRollBack(t *testing.T) {
	log := newTree(t, "example.org/log", 60)
	store := witness.NewMemoryStore()
	p := newParty(t, "example.org/witness", store, log.vkey)
	var mu sync.Mutex
	var group sync.WaitGroup
	signed := 0
	for size := 1; size <= 60; size++ {
		group.Go(func() {
			_, err := p.client.Cosign(t.Context(), log.at(t, size), log.prove(size))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				signed++
				return
			}
			if !errors.Is(err, witness.ErrInconsistent) && !errors.Is(err, witness.ErrAnswer) {
				assert.NoError(t, err)
			}
		})
	}
	group.Wait()
	assert.Positive(t, signed)
	kept, err := store.Latest(t.Context(), log.name)
	require.NoError(t, err)
	_, err = p.client.Cosign(t.Context(), log.at(t, 60), log.prove(60))
	require.NoError(t, err, "kept %s", kept)
}

// slow is a store whose Replace lets another request be quicker.
type slow struct {
	witness.Store
	meanwhile func()
	err       error
}

func (s *slow) Replace(ctx context.Context, origin string, old, signed []byte) error {
	if s.meanwhile != nil {
		f := s.meanwhile
		s.meanwhile = nil
		f()
	}
	if s.err != nil {
		return s.err
	}
	return s.Store.Replace(ctx, origin, old, signed)
}

func TestStoreThatFailsSignsNothing(t *testing.T) {
	log := newTree(t, "example.org/log", 9)
	store := &slow{Store: witness.NewMemoryStore()}
	p := newParty(t, "example.org/witness", store, log.vkey)
	store.meanwhile = func() {
		require.Equal(t, 200, post(t, p.server, body(0, nil, log.at(t, 9))).Code)
	}
	w := post(t, p.server, body(0, nil, log.at(t, 5)))
	require.Equal(t, 409, w.Code, "the later tree was quicker")
	require.Equal(t, "9\n", w.Body.String())

	store.err = errors.New("disk is full")
	w = post(t, p.server, body(9, nil, log.at(t, 9)))
	require.Equal(t, 500, w.Code)
	require.NotContains(t, w.Body.String(), "disk")
	require.NotContains(t, w.Body.String(), "—")
}

func TestStores(t *testing.T) {
	dir := t.TempDir()
	onDisk, err := witness.NewDirStore(filepath.Join(dir, "w"))
	require.NoError(t, err)
	for what, s := range map[string]witness.Store{"memory": witness.NewMemoryStore(), "folder": onDisk} {
		ctx := t.Context()
		got, err := s.Latest(ctx, "a/b")
		require.NoError(t, err, what)
		require.Nil(t, got)
		require.ErrorIs(t, s.Replace(ctx, "a/b", []byte("x"), []byte("y")), witness.ErrStore, what)
		require.NoError(t, s.Replace(ctx, "a/b", nil, []byte("one")))
		require.ErrorIs(t, s.Replace(ctx, "a/b", nil, []byte("two")), witness.ErrStore, what)
		require.NoError(t, s.Replace(ctx, "a/b", []byte("one"), []byte("two")))
		require.NoError(t, s.Replace(ctx, "../\x00", nil, []byte("other")), "any name")
		got, err = s.Latest(ctx, "a/b")
		require.NoError(t, err)
		require.Equal(t, "two", string(got), what)
	}
	again, err := witness.NewDirStore(filepath.Join(dir, "w"))
	require.NoError(t, err)
	got, err := again.Latest(t.Context(), "a/b")
	require.NoError(t, err)
	require.Equal(t, "two", string(got))
}

// A witness that is started again knows what it has signed; one whose record is
// damaged signs nothing.
func TestWitnessRemembersOverARestart(t *testing.T) {
	log := newTree(t, "example.org/log", 20)
	dir := t.TempDir()
	skey, _, err := witness.GenerateKey("example.org/witness")
	require.NoError(t, err)
	start := func() *witness.Server {
		store, err := witness.NewDirStore(dir)
		require.NoError(t, err)
		s, err := witness.NewServer(skey, store, log.vkey)
		require.NoError(t, err)
		return s
	}
	require.Equal(t, 200, post(t, start(), body(0, nil, log.at(t, 20))).Code)
	forked := log.fork(t, 3, 20)
	require.Equal(t, 409, post(t, start(), body(0, nil, forked.at(t, 20))).Code)
	require.Equal(t, 409, post(t, start(), body(20, nil, forked.at(t, 20))).Code)
	files, err := filepath.Glob(filepath.Join(dir, "*.checkpoint"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	for _, damage := range []string{"", "damaged", string(newTree(t, "example.org/other", 3).at(t, 3))} {
		require.NoError(t, os.WriteFile(files[0], []byte(damage), 0o600))
		require.Equal(t, 500, post(t, start(), body(0, nil, log.at(t, 20))).Code)
	}
}

// endless answers lines of ever other keys behind a good one, until nobody listens.
func endless(line string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; ; i++ {
			if _, err := io.WriteString(w, line); err != nil {
				return
			}
			line = fmt.Sprintf("— key%d %s\n", i, base64.StdEncoding.EncodeToString(make([]byte, 4+8+64)))
		}
	}
}

func TestClientBelievesNothing(t *testing.T) {
	log := newTree(t, "example.org/log", 20)
	real := newParty(t, "example.org/witness", witness.NewMemoryStore(), log.vkey)
	stranger := newParty(t, "example.org/stranger", witness.NewMemoryStore(), log.vkey)
	signed := log.at(t, 20)
	good, err := real.client.Cosign(t.Context(), signed, log.prove(20))
	require.NoError(t, err)
	strange, err := stranger.client.Cosign(t.Context(), signed, log.prove(20))
	require.NoError(t, err)
	forOther, err := newParty(t, "x", witness.NewMemoryStore(), log.vkey).client.Cosign(t.Context(), log.at(t, 7), log.prove(7))
	require.NoError(t, err)
	early := newParty(t, "example.org/witness", witness.NewMemoryStore(), log.vkey)
	old, err := early.client.Cosign(t.Context(), log.at(t, 7), log.prove(7))
	require.NoError(t, err)

	ask := func(vkey string, h http.HandlerFunc) (string, error) {
		web := httptest.NewServer(h)
		defer web.Close()
		c, err := witness.NewClient(web.Client(), web.URL, vkey)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		return c.Cosign(ctx, signed, log.prove(20))
	}
	says := func(status int, answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); _, _ = io.WriteString(w, answer) }
	}
	line, err := ask(real.server.VerifierKey(), says(200, strange+good))
	require.NoError(t, err, "other people's signatures are ignored")
	require.Equal(t, good, line)

	for what, c := range map[string]struct {
		h    http.HandlerFunc
		want error
	}{
		"nothing":                  {says(200, ""), witness.ErrAnswer},
		"stranger's signature":     {says(200, strange), witness.ErrAnswer},
		"of another checkpoint":    {says(200, forOther), witness.ErrAnswer},
		"no newline":               {says(200, strings.TrimSuffix(good, "\n")), witness.ErrAnswer},
		"more than signatures":     {says(200, good+"thanks\n"), witness.ErrAnswer},
		"twice":                    {says(200, good+good), witness.ErrAnswer},
		"damaged":                  {says(200, strings.Replace(good, "witness ", "witness A", 1)), witness.ErrAnswer},
		"endless":                  {endless(good), witness.ErrAnswer},
		"unknown log":              {says(404, "x"), witness.ErrUnknownLog},
		"signature":                {says(403, "x"), witness.ErrSignature},
		"inconsistent":             {says(422, "x"), witness.ErrInconsistent},
		"teapot":                   {says(418, good), witness.ErrAnswer},
		"failing":                  {says(500, ""), witness.ErrAnswer},
		"conflict without a size":  {says(409, "x\n"), witness.ErrAnswer},
		"conflict without newline": {says(409, "5"), witness.ErrAnswer},
		"conflict with zeros":      {says(409, "05\n"), witness.ErrAnswer},
		"same size":                {says(409, "0\n"), witness.ErrInconsistent},
		"ahead":                    {says(409, "21\n"), witness.ErrInconsistent},
		"too late":                 {func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }, context.DeadlineExceeded},
	} {
		line, err := ask(real.server.VerifierKey(), c.h)
		assert.ErrorIs(t, err, c.want, what)
		assert.Empty(t, line, what)
	}
	_, err = ask(early.server.VerifierKey(), says(200, old))
	assert.ErrorIs(t, err, witness.ErrAnswer, "its own signature, of another size")
	n := 0
	_, err = ask(real.server.VerifierKey(), func(w http.ResponseWriter, _ *http.Request) {
		n++
		w.WriteHeader(409)
		fmt.Fprintf(w, "%d\n", n)
	})
	assert.ErrorIs(t, err, witness.ErrAnswer)
	assert.Equal(t, 3, n, "it gives up")

	_, err = real.client.Cosign(t.Context(), []byte("no checkpoint"), nil)
	assert.ErrorIs(t, err, witness.ErrCheckpoint)
	broken := errors.New("no proof")
	_, err = real.client.Cosign(t.Context(), log.at(t, 20), nil)
	require.NoError(t, err, "no proof is asked for")
	log.grow(t, 30, "entry")
	_, err = real.client.Cosign(t.Context(), log.at(t, 30), func(context.Context, uint64) ([]tlog.Hash, error) { return nil, broken })
	assert.ErrorIs(t, err, broken)
	for _, url := range []string{"", "example.org", "ftp://example.org", "http://", "/x", ":"} {
		_, err := witness.NewClient(http.DefaultClient, url, real.server.VerifierKey())
		assert.ErrorIs(t, err, witness.ErrAnswer, url)
	}
	_, err = witness.NewClient(http.DefaultClient, real.web.URL, "no key")
	assert.ErrorIs(t, err, witness.ErrKey)
	_, err = witness.NewClient(nil, real.web.URL, real.server.VerifierKey())
	assert.ErrorIs(t, err, witness.ErrMissing)
}

func TestKeys(t *testing.T) {
	for _, name := range []string{"", "two words", "a+b"} {
		_, _, err := witness.GenerateKey(name)
		assert.ErrorIs(t, err, witness.ErrKey, name)
	}
	skey, vkey, err := note.GenerateKey(nil, "example.org/w")
	require.NoError(t, err)
	s, err := witness.NewServer(skey, witness.NewMemoryStore())
	require.NoError(t, err)
	assert.NotEqual(t, vkey, s.VerifierKey(), "a cosigning key has another hash")
	for _, bad := range []string{"", vkey, skey + "A", strings.Replace(skey, "PRIVATE", "PUBLIC", 1), strings.Replace(skey, "example", "Example", 1)} {
		_, err := witness.NewServer(bad, witness.NewMemoryStore())
		assert.ErrorIs(t, err, witness.ErrKey)
	}
	_, err = witness.NewServer(skey, witness.NewMemoryStore(), "no key")
	assert.ErrorIs(t, err, witness.ErrKey)
	_, err = witness.NewServer(skey, nil)
	assert.ErrorIs(t, err, witness.ErrMissing)
}
