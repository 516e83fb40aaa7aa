package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/tiles"
	"github.com/deeperpoint/csss/ledger/witness"
)

// ctl runs the program and returns what it says.
func ctl(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = program.Run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// fine runs the program and expects it to succeed.
func fine(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := ctl(t, args...)
	require.Zero(t, code, "%v: %s", args, stderr)
	return stdout
}

// sample is a folder with a log of 20 entries in two streams. Every fourth
// entry is of the subject "person-7".
func sample(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "log")
	grow(t, dir, 0, 20)
	return dir
}

func grow(t *testing.T, dir string, from, to int) {
	t.Helper()
	log, err := ledger.OpenDir(t.Context(), dir, &ledger.Options{Name: "example.com/log"})
	require.NoError(t, err)
	for i := from; i < to; i++ {
		a := ledger.Append{
			Stream: fmt.Sprint("stream-", i%2), Type: fmt.Sprint("type-", i%3), Key: fmt.Sprint("key-", i),
			Payload: fmt.Appendf(nil, "secret words %d", i),
		}
		if i%4 == 0 {
			a.Subjects = []string{"person-7"}
		}
		_, err := log.Append(t.Context(), a)
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
}

func decode[T any](t *testing.T, line string) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(line), &v), line)
	return v
}

func TestVerifyFindsAWholeLogWhole(t *testing.T) {
	dir := sample(t)
	assert.Contains(t, fine(t, "verify", "-dir", dir), "20 entries, of which 0 erased")
	found := decode[audited](t, fine(t, "verify", "-json", "-dir", dir))
	assert.True(t, found.OK)
	assert.EqualValues(t, 20, found.Size)
	for _, depth := range []string{"all", "commitments", "headers", "tree"} {
		assert.Contains(t, fine(t, "verify", "-depth", depth, "-dir", dir), "whole ("+depth+")")
	}
}

func TestVerifyNamesTheDamagedEntry(t *testing.T) {
	dir := sample(t)
	spoil(t, dir, 11)
	code, stdout, stderr := ctl(t, "verify", "-dir", dir)
	assert.Equal(t, 1, code)
	assert.Contains(t, stdout+stderr, "entry 11")
	code, stdout, _ = ctl(t, "verify", "-json", "-dir", dir)
	assert.Equal(t, 1, code)
	found := decode[audited](t, stdout)
	assert.False(t, found.OK)
	require.NotEmpty(t, found.Faults)
	assert.EqualValues(t, 11, found.Faults[0].Index)
}

// spoil changes one bit of the payload of an entry in the middle of the log.
func spoil(t *testing.T, dir string, index uint64) {
	t.Helper()
	var sealed []byte
	store, err := ledger.OpenDirStore(dir, nil)
	require.NoError(t, err)
	_, err = store.Recover(t.Context())
	require.NoError(t, err)
	for f, err := range store.Read(t.Context(), index, index+1) {
		require.NoError(t, err)
		sealed = bytes.Clone(f.Payload)
	}
	require.NoError(t, store.Close())
	paths, err := filepath.Glob(filepath.Join(dir, "segments", "*.seg"))
	require.NoError(t, err)
	for _, path := range paths {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		if at := bytes.Index(b, sealed); at >= 0 {
			b[at+3] ^= 1
			require.NoError(t, os.WriteFile(path, b, 0o600))
			return
		}
	}
	require.Fail(t, "payload not found in the segments")
}

func TestAReceiptIsCheckedWithoutTheFolder(t *testing.T) {
	dir := sample(t)
	out := t.TempDir()
	file, opening, key := filepath.Join(out, "receipt"), filepath.Join(out, "opening"), filepath.Join(out, "key")
	fine(t, "prove", "5", "-dir", dir, "-out", file, "-opening", opening)
	vkey := strings.TrimSpace(fine(t, "vkey", "-dir", dir))
	require.NoError(t, os.WriteFile(key, []byte(vkey+"\n"), 0o600))
	require.NoError(t, os.RemoveAll(dir))

	assert.Contains(t, fine(t, "receipt", file, "-vkey", vkey), "entry 5 of 20 in example.com/log")
	got := decode[checked](t, fine(t, "receipt", "-json", "-vkey", "@"+key, "-opening", opening, file))
	assert.EqualValues(t, 5, got.Index)
	assert.True(t, got.Opened)

	b, err := os.ReadFile(file)
	require.NoError(t, err)
	b[len(b)/2] ^= 1
	require.NoError(t, os.WriteFile(file, b, 0o600))
	code, stdout, stderr := ctl(t, "receipt", file, "-vkey", vkey)
	assert.Equal(t, 1, code)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "does not verify")
}

func TestABareReceiptNeedsTheLeafHash(t *testing.T) {
	dir := sample(t)
	file := filepath.Join(t.TempDir(), "receipt")
	fine(t, "prove", "5", "-bare", "-dir", dir, "-out", file)
	vkey := strings.TrimSpace(fine(t, "vkey", "-dir", dir))
	leaf := func(index string) string {
		return decode[ledger.Proof](t, fine(t, "prove", index, "-json", "-dir", dir)).Leaf.String()
	}
	assert.Contains(t, fine(t, "receipt", file, "-vkey", vkey, "-leaf", leaf("5")), "entry 5 of 20")
	for _, more := range [][]string{{}, {"-leaf", leaf("6")}} {
		code, _, _ := ctl(t, append([]string{"receipt", file, "-vkey", vkey}, more...)...)
		assert.Equal(t, 1, code, more)
	}
}

func TestReceiptsOfARotatedLog(t *testing.T) {
	dir := sample(t)
	out := t.TempDir()
	before, after, all := filepath.Join(out, "before"), filepath.Join(out, "after"), filepath.Join(out, "all")
	fine(t, "prove", "5", "-dir", dir, "-out", before)
	old := strings.TrimSpace(fine(t, "vkey", "-dir", dir))
	rotate(t, dir)
	fine(t, "prove", "5", "-dir", dir, "-out", after)
	fresh := strings.TrimSpace(fine(t, "vkey", "-dir", dir))
	require.NotEqual(t, old, fresh)
	require.NoError(t, os.WriteFile(all, []byte(fine(t, "vkey", "-all", "-dir", dir)), 0o600))
	assert.Equal(t, 2, strings.Count(fine(t, "vkey", "-all", "-json", "-dir", dir), "\n"))
	for _, file := range []string{before, after} {
		assert.Contains(t, fine(t, "receipt", file, "-vkey", "@"+all), "proved")
		assert.Contains(t, fine(t, "receipt", file, "-vkey", old, "-vkey", fresh), "proved")
	}
	code, _, _ := ctl(t, "receipt", before, "-vkey", fresh)
	assert.Equal(t, 1, code)
}

func rotate(t *testing.T, dir string) {
	t.Helper()
	log, err := ledger.OpenDir(t.Context(), dir, nil)
	require.NoError(t, err)
	_, err = log.Rotate(t.Context(), nil)
	require.NoError(t, errors.Join(err, log.Close()))
}

func TestWitnessesCosign(t *testing.T) {
	dir := sample(t)
	vkey := strings.TrimSpace(fine(t, "vkey", "-dir", dir))
	skey, name, err := witness.GenerateKey("example.com/witness")
	require.NoError(t, err)
	server, err := witness.NewServer(skey, witness.NewMemoryStore(), vkey)
	require.NoError(t, err)
	web := httptest.NewServer(server)
	defer web.Close()
	out := t.TempDir()
	policy, silent, file := filepath.Join(out, "policy"), filepath.Join(out, "silent"), filepath.Join(out, "receipt")
	text := "log " + vkey + "\nwitness w " + name + " %s\nquorum w\n"
	require.NoError(t, os.WriteFile(policy, fmt.Appendf(nil, text, web.URL), 0o600))
	require.NoError(t, os.WriteFile(silent, fmt.Appendf(nil, text, "http://127.0.0.1:1"), 0o600))

	code, _, stderr := ctl(t, "cosign", "-policy", silent, "-dir", dir)
	assert.Equal(t, 1, code, stderr)
	fine(t, "prove", "5", "-dir", dir, "-out", file)
	code, _, stderr = ctl(t, "receipt", file, "-policy", policy)
	assert.Equal(t, 1, code, stderr)

	assert.Contains(t, fine(t, "cosign", "-policy", policy, "-dir", dir), "example.com/witness")
	fine(t, "prove", "5", "-dir", dir, "-out", file)
	assert.Contains(t, fine(t, "receipt", file, "-policy", policy), "proved")
}

func TestAnOpeningOfAnotherEntryIsRefused(t *testing.T) {
	dir := sample(t)
	out := t.TempDir()
	file, opening := filepath.Join(out, "receipt"), filepath.Join(out, "opening")
	fine(t, "prove", "5", "-dir", dir, "-out", file)
	fine(t, "prove", "6", "-dir", dir, "-out", filepath.Join(out, "other"), "-opening", opening)
	code, _, stderr := ctl(t, "receipt", file, "-opening", opening, "-vkey", strings.TrimSpace(fine(t, "vkey", "-dir", dir)))
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "opening is not that of the entry")
}

func TestProveWithJSONPrintsTheBareProof(t *testing.T) {
	dir := sample(t)
	p := decode[ledger.Proof](t, fine(t, "prove", "-json", "-size", "12", "-dir", dir, "3"))
	assert.EqualValues(t, 12, p.Size)
	assert.NoError(t, p.Verify(p.Root))
	code, _, _ := ctl(t, "prove", "20", "-dir", dir)
	assert.Equal(t, 2, code, "an index beyond the log")
}

func TestConsistencyWithARememberedCheckpoint(t *testing.T) {
	dir := sample(t)
	old := filepath.Join(t.TempDir(), "checkpoint")
	require.NoError(t, os.WriteFile(old, []byte(fine(t, "checkpoint", "-dir", dir)), 0o600))
	grow(t, dir, 20, 25)
	assert.Contains(t, fine(t, "consistency", old, "-dir", dir), "the log of 25 entries extends that of 20")
	p := decode[ledger.ConsistencyProof](t, fine(t, "consistency", "7", "-json", "-dir", dir))
	assert.EqualValues(t, 7, p.From)
	assert.NoError(t, p.Verify(p.FromRoot, p.ToRoot))

	other := filepath.Join(t.TempDir(), "other")
	grow(t, other, 0, 25)
	code, stdout, stderr := ctl(t, "consistency", old, "-dir", other)
	assert.Equal(t, 1, code)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "checkpoint")
}

func TestShowFilters(t *testing.T) {
	dir := sample(t)
	for _, c := range []struct {
		args []string
		want []uint64
	}{
		{[]string{"-from", "3", "-to", "6"}, []uint64{3, 4, 5}},
		{[]string{"-stream", "stream-1", "-after", "7"}, []uint64{15, 17, 19}},
		{[]string{"-subject", "person-7"}, []uint64{0, 4, 8, 12, 16}},
		{[]string{"-type", "type-2", "-limit", "2"}, []uint64{2, 5}},
		{[]string{"-since", "2100-01-01"}, nil},
		{[]string{"-until", "2100-01-01T00:00:00Z", "-subject", "person-7", "-type", "type-0"}, []uint64{0, 12}},
	} {
		var indexes []uint64
		out := fine(t, append([]string{"show", "-json", "-dir", dir}, c.args...)...)
		for line := range strings.Lines(out) {
			indexes = append(indexes, decode[shown](t, line).Index)
		}
		assert.Equal(t, c.want, indexes, c.args)
	}
}

func TestPayloadsAreShownOnlyWhenAskedFor(t *testing.T) {
	dir := sample(t)
	for _, form := range [][]string{{"-json"}, {}} {
		args := slices.Concat([]string{"show", "-dir", dir}, form)
		out := fine(t, args...)
		assert.NotContains(t, out, "secret words")
		assert.NotContains(t, out, `"payload":`)
		assert.Contains(t, out, "stream-1")
	}
	assert.Contains(t, fine(t, "show", "-dir", dir, "-payload"), `"secret words 13"`)
	line, _, _ := strings.Cut(fine(t, "show", "-dir", dir, "-payload", "-json"), "\n")
	got := decode[shown](t, line)
	require.NotNil(t, got.Payload)
	assert.Equal(t, "secret words 0", string(*got.Payload))
}

func TestShredErasesAndEverythingStillVerifies(t *testing.T) {
	dir := sample(t)
	file := filepath.Join(t.TempDir(), "receipt")
	fine(t, "prove", "4", "-dir", dir, "-out", file)
	vkey := strings.TrimSpace(fine(t, "vkey", "-dir", dir))

	assert.Contains(t, fine(t, "shred", "person-7", "-reason", "asked for", "-dir", dir), "erased; entry 20 says so; 5 entries name the subject")
	assert.Contains(t, fine(t, "shred", "person-7", "-reason", "asked for", "-dir", dir), "erased before; entry 20")
	assert.Contains(t, fine(t, "shred", "nobody", "-unused", "-reason", "asked for", "-dir", dir), "erased; entry 21 says so; 0 entries")
	assert.Contains(t, fine(t, "verify", "-dir", dir), "22 entries, of which 5 erased")
	assert.NotContains(t, fine(t, "show", "-dir", dir, "-payload"), "secret words 4")
	assert.Contains(t, fine(t, "receipt", file, "-vkey", vkey), "proved")
	code, _, stderr := ctl(t, "prove", "4", "-dir", dir, "-out", file, "-opening", file)
	assert.Equal(t, 1, code)
	assert.NotContains(t, stderr, "person-7")
}

// A shredding that was undone by an old copy is not called whole.
func TestVerifyTellsWhatIsNotErased(t *testing.T) {
	dir := sample(t)
	segments, err := filepath.Glob(filepath.Join(dir, "segments", "*.seg"))
	require.NoError(t, err)
	old, err := os.ReadFile(segments[0])
	require.NoError(t, err)
	fine(t, "shred", "person-7", "-reason", "asked for", "-dir", dir)
	f, err := os.OpenFile(segments[0], os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(old, 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	code, stdout, stderr := ctl(t, "verify", "-dir", dir)
	assert.Equal(t, 1, code)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "6 payloads and keys of shredded subjects are still there")
	code, stdout, _ = ctl(t, "verify", "-json", "-dir", dir)
	assert.Equal(t, 1, code)
	got := decode[audited](t, stdout)
	assert.False(t, got.OK)
	assert.EqualValues(t, 6, got.Unerased)
	fine(t, "shred", "person-7", "-reason", "asked for", "-dir", dir) // opens it for writing
	assert.Contains(t, fine(t, "verify", "-dir", dir), "of which 5 erased")
}

func TestExportedTilesVerify(t *testing.T) {
	dir := sample(t)
	out := filepath.Join(t.TempDir(), "tiles")
	assert.Contains(t, fine(t, "export", "tiles", out, "-dir", dir), "20 entries of example.com/log")
	grow(t, dir, 20, 300)
	got := decode[exported](t, fine(t, "export", "tiles", out, "-unsynced", "-json", "-dir", dir))
	folder, err := tiles.Open(os.DirFS(out), got.VKey)
	require.NoError(t, err)
	assert.EqualValues(t, 300, folder.Size())
	assert.NoError(t, folder.Verify(t.Context(), nil))
}

func TestServeShowsTheTilesUntilItIsStopped(t *testing.T) {
	dir := sample(t)
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan int, 1)
	go func() {
		done <- program.Run(ctx, []string{"serve", "-json", "-addr", "127.0.0.1:0", "-dir", dir}, w, io.Discard)
		_ = w.Close()
	}()
	var s served
	require.NoError(t, json.NewDecoder(r).Decode(&s))
	assert.EqualValues(t, 20, s.Size)
	response, err := http.Get(s.URL + "tile/0/000.p/20")
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, errors.Join(err, response.Body.Close()))
	assert.Equal(t, 200, response.StatusCode)
	assert.Len(t, body, 20*32)
	stop()
	select {
	case code := <-done:
		assert.Zero(t, code)
	case <-time.After(10 * time.Second):
		require.Fail(t, "still serving")
	}
}

func TestNothingIsWrittenUnlessItMust(t *testing.T) {
	dir := sample(t)
	fine(t, "checkpoint", "-dir", dir)
	before := contents(t, dir)
	for _, args := range [][]string{
		{"verify"}, {"show"}, {"vkey"}, {"checkpoint"}, {"prove", "3"}, {"consistency", "3"}, {"export", "tiles", filepath.Join(t.TempDir(), "o")},
	} {
		fine(t, append(args, "-dir", dir)...)
		assert.Equal(t, before, contents(t, dir), args)
	}
}

// contents are the files of a log that mean something, by their names.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files[path] = string(b)
		return err
	}))
	return files
}

func TestALogIsReadBesideItsWriter(t *testing.T) {
	dir := sample(t)
	fine(t, "checkpoint", "-dir", dir)
	writer, err := ledger.OpenDir(t.Context(), dir, nil)
	require.NoError(t, err)
	defer writer.Close()
	for _, args := range [][]string{{"verify"}, {"show"}, {"prove", "3"}, {"consistency", "3"}} {
		assert.NotEmpty(t, fine(t, append(args, "-dir", dir)...), args)
	}
	code, _, stderr := ctl(t, "shred", "person-7", "-reason", "asked for", "-dir", dir)
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "in use by another writer")
	_, err = writer.Append(t.Context(), ledger.Append{Stream: "s", Type: "T", Key: "not signed"})
	require.NoError(t, err)
	code, _, stderr = ctl(t, "checkpoint", "-dir", dir)
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "not signed yet")
	assert.Contains(t, fine(t, "prove", "3", "-dir", dir), "example.com/log\n20\n", "the checkpoint there is covers it")
	code, _, stderr = ctl(t, "prove", "20", "-dir", dir)
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "not signed yet")
}

// What cannot be looked at is not called empty.
func TestAFolderThatCannotBeLookedAtIsNotCalledEmpty(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := holdsLog(file)
	require.Error(t, err)
	_, err = holdsLog(filepath.Join(t.TempDir(), strings.Repeat("x", 5000)))
	require.Error(t, err)
}

// A folder that may not be read is not called empty.
func TestAFolderThatMayNotBeReadIsSaidToBe(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads every folder")
	}
	dir := sample(t)
	require.NoError(t, os.Chmod(dir, 0))
	defer os.Chmod(dir, 0o700)
	code, _, stderr := ctl(t, "verify", "-dir", dir)
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "permission")
}

func TestBadUsageIsTheCallers(t *testing.T) {
	dir := sample(t)
	missing := filepath.Join(t.TempDir(), "missing")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("words"), 0o600))
	other := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(other, make([]byte, 32), 0o600))
	for _, args := range [][]string{
		{}, {"nothing"}, {"verify"}, {"verify", "-nothing"}, {"verify", "word", "-dir", dir}, {"verify", "-depth", "some", "-dir", dir},
		{"verify", "-dir", missing}, {"verify", "-dir", file},
		{"prove", "-dir", dir}, {"prove", "x", "-dir", dir}, {"prove", "1", "2", "-dir", dir}, {"prove", "1", "-size", "3", "-dir", dir},
		{"receipt", file}, {"receipt", missing, "-vkey", "k"}, {"receipt", file, "-vkey", "no key"}, {"receipt", file, "-vkey", "@" + missing},
		{"receipt", file, "-policy", file}, {"receipt", file, "-policy", missing}, {"cosign", "-dir", dir}, {"cosign", "-policy", file, "-dir", dir},
		{"consistency", missing, "-dir", dir}, {"consistency", file, "-dir", dir}, {"consistency", "21", "-dir", dir},
		{"export", "sheets", missing, "-dir", dir}, {"export", "tiles", "-dir", dir},
		{"show", "-since", "yesterday", "-dir", dir}, {"show", "-after", "3", "-dir", dir},
		{"shred", "person-7", "-dir", dir}, {"serve", "-addr", "nowhere:x:y", "-dir", dir},
		{"verify", "-tenant-key", missing, "-dir", dir}, {"verify", "-tenant-key", file, "-dir", dir}, {"verify", "-tenant-key", other, "-dir", dir},
		{"shred", "nobody", "-reason", "asked for", "-dir", dir},
		{"export", "tiles", dir, "-dir", dir}, {"export", "tiles", filepath.Join(dir, "tiles"), "-dir", dir}, {"export", "tiles", sample(t), "-dir", dir},
	} {
		code, stdout, stderr := ctl(t, args...)
		assert.Equal(t, 2, code, "%v: %s", args, stderr)
		assert.Empty(t, stdout, args)
		assert.NotEmpty(t, stderr, args)
		assert.NotContains(t, stderr, "person-7", args)
	}
	assert.NoDirExists(t, missing)
	code, _, stderr := ctl(t, "prove", "-h")
	assert.Zero(t, code)
	assert.Contains(t, stderr, "INDEX")
}

func TestAFolderWithoutALogIsLeftAlone(t *testing.T) {
	empty := t.TempDir()
	for _, args := range [][]string{{"verify"}, {"checkpoint"}, {"shred", "person-7", "-reason", "none"}} {
		code, _, stderr := ctl(t, append(args, "-dir", empty)...)
		assert.Equal(t, 2, code, args)
		assert.Contains(t, stderr, "holds no log", args)
	}
	left, err := os.ReadDir(empty)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestTheBarShowsLongWorkOnly(t *testing.T) {
	var b bytes.Buffer
	c := &call{Call: &cli.Call{Stderr: &b}}
	short := c.bar("verify")
	short.progress(1, 2)
	short.end()
	assert.Empty(t, b.String())

	long := c.bar("verify")
	long.next = time.Time{}
	long.progress(1, 4)
	long.progress(2, 4)
	assert.Equal(t, "verify [##########..............................]  25 % of 4\n", b.String())
	b.Reset()
	long.next, long.terminal = time.Time{}, true
	long.progress(4, 4)
	long.progress(5, 0)
	long.end()
	assert.Equal(t, "\rverify ["+strings.Repeat("#", 40)+"] 100 % of 4\n", b.String())
}
