package ledger_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/internal/vfs/crashfs"
)

// rotated is what was acknowledged up to an operation of the disk.
type rotated struct {
	ops  int
	keys []ledger.Key
	gone [][]byte // secret halves that are in no file any more
}

// The power fails at any operation of a first opening, of rotations and of
// retirements: the log opens, has every key that was acknowledged, signs, and a
// verifier with the first key follows to what it signs.
func TestPowerFailsInARotation(t *testing.T) {
	fs := crashfs.New()
	l, err := openOver(t.Context(), fs, tiny, &ledger.Options{Name: "x/log"})
	require.NoError(t, err)
	first := l.VerifierKey()
	var steps []rotated
	var gone [][]byte
	note := func() { steps = append(steps, rotated{fs.Ops(), l.VerifierKeys(), slices.Clone(gone)}) }
	note()
	appendSome(t, l, 1)
	for range 2 {
		_, err := l.Checkpoint(t.Context())
		require.NoError(t, err)
		_, err = l.Rotate(t.Context(), nil)
		require.NoError(t, err)
		note()
		keys := l.VerifierKeys()
		oldest := keys[slices.IndexFunc(keys, func(k ledger.Key) bool { return !k.Retired })].VerifierKey
		secret := secretOf(t, fs, oldest)
		_, err = l.Checkpoint(t.Context())
		require.NoError(t, err)
		_, err = l.Retire(t.Context(), oldest, nil)
		require.NoError(t, err)
		gone = append(gone, secret)
		note()
	}
	require.NoError(t, l.Close())

	each := 12
	if testing.Short() {
		each = 3
	}
	random, images := rand.New(rand.NewPCG(1, 2)), 0
	for p := range fs.Points(0) {
		for c := range p.Choices(each, random) {
			images++
			if err := rotationSurvives(t.Context(), p, c, steps, first); err != nil {
				t.Fatalf("%v\n%s\n%s", err, p.Describe(c), fs.History(max(0, p.Op-8), p.Op))
			}
		}
	}
	t.Logf("%d crashes", images)
	require.Greater(t, images, 100)
}

// secretOf is the secret half of a key as it lies in its file.
func secretOf(t *testing.T, fs *crashfs.FS, vkey string) []byte {
	t.Helper()
	data, err := fs.ReadFile(folder + "/secrets/signer-" + strings.Split(vkey, "+")[1])
	require.NoError(t, err)
	at := bytes.Index(data, []byte("PRIVATE+KEY+"))
	require.GreaterOrEqual(t, at, 0)
	return data[at : at+60]
}

func rotationSurvives(ctx context.Context, p *crashfs.Point, c crashfs.Choice, steps []rotated, first string) error {
	var acknowledged rotated
	for _, s := range steps {
		if s.ops <= p.Op {
			acknowledged = s
		}
	}
	img := p.Image(c)
	if left := img.Contains(acknowledged.gone...); len(left) > 0 {
		return fmt.Errorf("the secret half of retired key %d is left", left[0])
	}
	l, err := openOver(ctx, img, tiny, &ledger.Options{Name: "x/log"})
	if err != nil {
		return fmt.Errorf("opening: %w", err)
	}
	defer l.Close()
	have := l.VerifierKeys()
	if len(have) < len(acknowledged.keys) {
		return fmt.Errorf("%d keys are left of %d", len(have), len(acknowledged.keys))
	}
	for i, k := range acknowledged.keys {
		if have[i] != k && (k.Retired || !have[i].Retired) {
			return fmt.Errorf("key %d has become another", i)
		}
	}
	if acknowledged.keys == nil {
		first = have[0].VerifierKey // nobody has been told the first one yet
	}
	if _, err := l.Rotate(ctx, nil); err != nil {
		return fmt.Errorf("rotating again: %w", err)
	}
	signed, err := l.Checkpoint(ctx)
	if err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	rotations, err := l.Rotations(ctx)
	if err != nil {
		return fmt.Errorf("receipts: %w", err)
	}
	v, err := ledger.NewVerifier([]ledger.Key{{VerifierKey: first}}, nil)
	if err != nil {
		return err
	}
	if v, err = v.Follow(rotations...); err != nil {
		return fmt.Errorf("following: %w", err)
	}
	_, err = v.Checkpoint(signed)
	return err
}
