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
