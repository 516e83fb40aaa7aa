package ledger_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
)

// A log opens only with the key it was made with, whether it has entries yet or
// not, and says so: a key that was forgotten is not replaced by a stored one.
func TestATenantKeyIsKnownAgain(t *testing.T) {
	given := &ledger.Options{TenantKey: bytes.Repeat([]byte{7}, 32)}
	other := &ledger.Options{TenantKey: bytes.Repeat([]byte{8}, 32)}
	for name, entries := range map[string]int{"empty": 0, "used": 3} {
		t.Run(name, func(t *testing.T) {
			for _, first := range []*ledger.Options{nil, given} {
				dir := t.TempDir()
				l, err := ledger.OpenDir(t.Context(), dir, first)
				require.NoError(t, err)
				for i := range entries {
					_, err := l.Append(t.Context(), simple("s", string(rune('a'+i))))
					require.NoError(t, err)
				}
				require.NoError(t, l.Close())
				for _, again := range []*ledger.Options{nil, given, other} {
					l, err := ledger.OpenDir(t.Context(), dir, again)
					if again == first {
						require.NoError(t, err)
						require.NoError(t, l.Close())
						continue
					}
					require.ErrorIs(t, err, ledger.ErrInvalid)
					require.NotErrorIs(t, err, ledger.ErrCorrupt)
					require.ErrorContains(t, err, "TenantKey")
				}
			}
		})
	}
}

// A log from before the check was kept refuses another key by name too, also who
// may only read it; damage of its first entry stays damage.
func TestATenantKeyIsKnownByTheEntries(t *testing.T) {
	right := bytes.Repeat([]byte{7}, 32)
	dir := t.TempDir()
	l, err := ledger.OpenDir(t.Context(), dir, &ledger.Options{TenantKey: right})
	require.NoError(t, err)
	fill(t, l)
	require.NoError(t, l.Close())
	require.NoError(t, os.Remove(filepath.Join(dir, "secrets", "tenant-check")))
	for _, readOnly := range []bool{true, false} {
		open := func(key []byte) error {
			s, err := ledger.OpenDirStore(dir, &ledger.DirOptions{ReadOnly: readOnly})
			require.NoError(t, err)
			l, err := ledger.Open(t.Context(), s, &ledger.Options{TenantKey: key})
			if err == nil {
				require.NoError(t, l.Close())
			}
			return err
		}
		err := open(make([]byte, 32))
		require.ErrorIs(t, err, ledger.ErrInvalid)
		require.ErrorContains(t, err, "TenantKey is not the one this log was made with")
		require.NotErrorIs(t, err, ledger.ErrCorrupt)
		require.NoFileExists(t, filepath.Join(dir, "secrets", "tenant-check"))
		if readOnly {
			require.NoError(t, open(right))
		}
	}
	path := onlySegment(t, dir)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	b[300] ^= 1
	require.NoError(t, os.WriteFile(path, b, 0o600))
	_, err = ledger.OpenDir(t.Context(), dir, &ledger.Options{TenantKey: right})
	require.ErrorIs(t, err, ledger.ErrCorrupt)
}

// Options that no new log can have leave nothing behind where there was nothing.
func TestOptionsThatDoNotFitMakeNoFolder(t *testing.T) {
	other, err := ledger.OpenMemory(nil)
	require.NoError(t, err)
	defer other.Close()
	appendSome(t, other, 1)
	signed, err := other.Checkpoint(t.Context())
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "above", "log")
	for what, o := range map[string]*ledger.Options{
		"another log's checkpoint": {Trusted: signed}, "no checkpoint": {Trusted: []byte("words")},
		"key": {TenantKey: []byte("short")}, "name": {Name: "a b"}, "lost": {Lost: []string{"words"}},
	} {
		_, err := ledger.OpenDir(t.Context(), dir, o)
		require.Error(t, err, what)
		require.NoDirExists(t, filepath.Dir(dir), what)
	}
	require.NoError(t, openDir(t, dir).Close())
}

// A lost key is one that signs, or did.
func TestALostKeyThatNeverSignedIsRefused(t *testing.T) {
	l, err := ledger.OpenMemory(&ledger.Options{Lost: []string{newSigner(t, ledger.DefaultName).VerifierKey}})
	require.Nil(t, l)
	invalid := new(ledger.InvalidError)
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, "Lost", invalid.Field)
}

func TestANilStoreIsRefused(t *testing.T) {
	_, err := ledger.Open(t.Context(), nil, nil)
	require.ErrorIs(t, err, ledger.ErrInvalid)
}

// A log from before the check was kept opens, and has one then.
func TestATenantKeyIsNotedLater(t *testing.T) {
	dir := t.TempDir()
	l := openDir(t, dir)
	fill(t, l)
	require.NoError(t, l.Close())
	check := filepath.Join(dir, "secrets", "tenant-check")
	was, err := os.ReadFile(check)
	require.NoError(t, err)
	require.NoError(t, os.Remove(check))
	require.NoError(t, openDir(t, dir).Close())
	now, err := os.ReadFile(check)
	require.NoError(t, err)
	require.Equal(t, was[len(was)-33:], now[len(now)-33:], "behind the number of the write")
}
