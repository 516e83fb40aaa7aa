package ledger_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
)

func openBeside(t *testing.T, dir string) *ledger.Log {
	s, err := ledger.OpenDirStore(dir, &ledger.DirOptions{ReadOnly: true})
	require.NoError(t, err)
	l, err := ledger.Open(t.Context(), s, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

func ofSubject(key, subject string) ledger.Append {
	a := simple("s/"+key, key)
	a.Subjects, a.Payload = []string{subject}, []byte("of "+subject)
	return a
}

// Who reads beside the writer sees what a shredding took as erased, not as damage.
func TestAReaderBesideTheWriterBelievesItsShreddings(t *testing.T) {
	for name, keep := range map[string]bool{"erased": false, "key alone": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			w := openDir(t, dir)
			defer w.Close()
			for _, s := range []string{"a", "b"} {
				_, err := w.Append(t.Context(), ofSubject(s, s))
				require.NoError(t, err)
			}
			r := openBeside(t, dir)
			_, err := w.Shred(t.Context(), "a", &ledger.ShredOptions{KeepBlobs: keep})
			require.NoError(t, err)

			for e, err := range r.Read(t.Context(), ledger.Query{}) {
				require.NoError(t, err)
				assert.Equal(t, e.Index == 0, e.Erased)
			}
			_, err = r.OpenPayload(t.Context(), 0)
			require.ErrorIs(t, err, ledger.ErrShredded)
			found, err := r.Verify(t.Context(), nil)
			require.NoError(t, err)
			assert.EqualValues(t, 1, found.Erased)
			receipts, err := r.Append(t.Context(), ofSubject("a", "a"))
			require.NoError(t, err)
			assert.True(t, receipts[0].Duplicate)
			_, err = r.Append(t.Context(), ofSubject("new", "a"))
			require.ErrorIs(t, err, ledger.ErrShredded)
		})
	}
}

// What is gone without a shredding is damage for such a reader too.
func TestAReaderBesideTheWriterBelievesNoLoss(t *testing.T) {
	dir := t.TempDir()
	w := openDir(t, dir)
	for _, s := range []string{"a", "b", "c"} {
		_, err := w.Append(t.Context(), ofSubject(s, s))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	r := openBeside(t, dir)
	w = openDir(t, dir)
	_, err := w.Shred(t.Context(), "c", nil)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	s, err := ledger.OpenDirStore(dir, nil)
	require.NoError(t, err)
	_, err = s.Recover(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.Erase(t.Context(), []uint64{1}))
	require.NoError(t, s.Close())

	_, err = r.OpenPayload(t.Context(), 1)
	require.ErrorIs(t, err, ledger.ErrCorrupt)
	found, err := r.Verify(t.Context(), nil)
	require.ErrorIs(t, err, ledger.ErrCorrupt)
	require.Len(t, found.Faults, 1)
	assert.EqualValues(t, 1, found.Faults[0].Index)
	assert.EqualValues(t, 1, found.Erased)
}

// Readers verify while the writer shreds subject after subject.
func TestVerifyBesideAShreddingWriter(t *testing.T) {
	dir := t.TempDir()
	w := openDir(t, dir)
	const subjects = 40
	for i := range 5 * subjects {
		_, err := w.Append(t.Context(), ofSubject(fmt.Sprint(i), fmt.Sprint("p", i%subjects)))
		require.NoError(t, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		defer stop()
		for i := range subjects {
			_, err := w.Shred(t.Context(), fmt.Sprint("p", i), nil)
			assert.NoError(t, err)
		}
	})
	for ctx.Err() == nil {
		r := openBeside(t, dir)
		_, err := r.Verify(t.Context(), nil)
		require.NoError(t, err)
	}
	wg.Wait()
	require.NoError(t, w.Close())
}

// What was shredded and put back from an old copy is told, and a writer finishes it.
func TestVerifyTellsWhatIsNotErased(t *testing.T) {
	dir := t.TempDir()
	w := openDir(t, dir)
	for i := range 3 {
		_, err := w.Append(t.Context(), ofSubject(fmt.Sprint(i), "a"))
		require.NoError(t, err)
	}
	seg := onlySegment(t, dir)
	before, err := os.ReadFile(seg)
	require.NoError(t, err)
	_, err = w.Shred(t.Context(), "a", nil)
	require.NoError(t, err)
	found, err := w.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Zero(t, found.Unerased)
	require.NoError(t, w.Close())

	f, err := os.OpenFile(seg, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(bytes.TrimRight(before, "\x00"), 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	r := openBeside(t, dir)
	found, err = r.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.EqualValues(t, 4, found.Unerased, "three payloads and the key")
	require.EqualValues(t, 3, found.Erased)

	w = openDir(t, dir)
	found, err = w.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Zero(t, found.Unerased)
	require.NoError(t, w.Close())
}
