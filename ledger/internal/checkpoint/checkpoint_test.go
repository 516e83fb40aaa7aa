package checkpoint_test

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger/internal/checkpoint"
)

const name = "example.org/log"

func keys(t testing.TB, name string) (note.Signer, *checkpoint.Cosigner, checkpoint.Key) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(nil, name)
	require.NoError(t, err)
	signer, err := note.NewSigner(skey)
	require.NoError(t, err)
	c, err := checkpoint.NewCosigner(skey)
	require.NoError(t, err)
	k, err := checkpoint.ParseKey(vkey)
	require.NoError(t, err)
	return signer, c, k
}

func signed(t testing.TB, text string, signers ...note.Signer) []byte {
	msg, err := note.Sign(&note.Note{Text: text}, signers...)
	require.NoError(t, err)
	return msg
}

func TestParseAcceptsOneForm(t *testing.T) {
	c := checkpoint.Checkpoint{Origin: name, Size: 7, Root: sha256.Sum256([]byte("root"))}
	got, err := checkpoint.Parse(c.Text())
	require.NoError(t, err)
	assert.Equal(t, c, got)
	c.Extra = "one\ntwo\n"
	got, err = checkpoint.Parse(c.Text())
	require.NoError(t, err)
	assert.Equal(t, c, got)
	text := checkpoint.Checkpoint{Origin: name, Size: 7, Root: c.Root}.Text()
	root := base64.StdEncoding.EncodeToString(c.Root[:])
	for _, bad := range []string{
		"", "\n", name + "\n7\n", strings.TrimSuffix(text, "\n"), text + "\n", text + "no newline", text + "a\n\nb\n",
		strings.Replace(text, "7", "07", 1), strings.Replace(text, "7", "+7", 1), strings.Replace(text, "7", "-1", 1), strings.Replace(text, "7", " 7", 1),
		strings.Replace(text, root, root[:40], 1), strings.Replace(text, root, root[:42]+"B=", 1), strings.Replace(text, "7", "281474976710657", 1),
		"\n" + text, text + strings.Repeat("x", checkpoint.MaxNote) + "\n",
	} {
		_, err := checkpoint.Parse(bad)
		assert.Error(t, err, "%.60q", bad)
	}
}

func TestOpenFromKnowsTheOrigin(t *testing.T) {
	signer, cosigner, k := keys(t, name)
	text := checkpoint.Checkpoint{Origin: name, Size: 7}.Text()
	msg := signed(t, text, signer)
	for _, known := range [][]note.Verifier{{k.Verifier()}, {k.Verifier(), k.Verifier()}} {
		c, _, err := checkpoint.OpenFrom(msg, name, known...)
		require.NoError(t, err)
		assert.Equal(t, uint64(7), c.Size)
	}
	_, _, err := checkpoint.OpenFrom(msg, "other", k.Verifier())
	assert.ErrorIs(t, err, checkpoint.ErrOrigin)
	_, _, err = checkpoint.OpenFrom(signed(t, text+"more\n", signer), name, k.Verifier())
	assert.ErrorIs(t, err, checkpoint.ErrForm)
	_, _, err = checkpoint.OpenFrom(msg, name, k.Cosigning().Verifier())
	assert.Error(t, err, "a cosigning key is another key")

	both, err := checkpoint.Merge(msg, cosigner.Cosign(text, time.Unix(1679315147, 0)))
	require.NoError(t, err)
	_, n, err := checkpoint.OpenFrom(both, name, k.Verifier(), k.Cosigning().Verifier())
	require.NoError(t, err)
	require.Len(t, n.Sigs, 2)
	at, ok := checkpoint.CosignedAt(n.Sigs[1])
	require.True(t, ok)
	assert.Equal(t, "2023-03-20T12:25:47Z", at.Format(time.RFC3339))
	_, ok = checkpoint.CosignedAt(n.Sigs[0])
	assert.False(t, ok, "a plain signature has no time")
}

func TestMergeReplacesByKey(t *testing.T) {
	signer, _, _ := keys(t, name)
	_, a, ka := keys(t, "a")
	_, b, kb := keys(t, "b")
	text := checkpoint.Checkpoint{Origin: name, Size: 7}.Text()
	msg := signed(t, text, signer)
	msg, err := checkpoint.Merge(msg, a.Cosign(text, time.Unix(1, 0))+b.Cosign(text, time.Unix(2, 0)))
	require.NoError(t, err)
	msg, err = checkpoint.Merge(msg, a.Cosign(text, time.Unix(3, 0)))
	require.NoError(t, err)
	_, n, err := checkpoint.Open(msg, ka.Cosigning().Verifier(), kb.Cosigning().Verifier())
	require.NoError(t, err)
	require.Len(t, n.Sigs, 2)
	var times []int64
	for _, s := range n.Sigs {
		at, _ := checkpoint.CosignedAt(s)
		times = append(times, at.Unix())
	}
	assert.Equal(t, []int64{2, 3}, times)

	line := a.Cosign(text, time.Unix(4, 0))
	for what, lines := range map[string]string{
		"twice": line + line, "no newline": strings.TrimSuffix(line, "\n"), "no dash": line[4:], "empty line": line + "\n", "text": "thanks\n",
		"loose base64": strings.Replace(line, "\n", "\r\n", 1), "short": "— a AAAA\n", "no name": strings.Replace(line, "— a", "— ", 1), "two spaces": strings.Replace(line, "— a ", "— a  ", 1),
	} {
		_, err := checkpoint.Merge(msg, lines)
		assert.ErrorIs(t, err, checkpoint.ErrForm, what)
	}
	_, err = checkpoint.Merge([]byte("x"), line)
	assert.ErrorIs(t, err, checkpoint.ErrForm)
	for i := range 200 {
		_, c, _ := keys(t, strings.Repeat("n", 1+i%150)+string(rune('a'+i%26)))
		if msg, err = checkpoint.Merge(msg, c.Cosign(text, time.Unix(1, 0))); err != nil {
			break
		}
	}
	assert.ErrorIs(t, err, checkpoint.ErrLarge, "package note reads no more than 100 signatures")
}

func TestKeysHaveOneForm(t *testing.T) {
	_, c, k := keys(t, name)
	for _, key := range []checkpoint.Key{k, k.Cosigning(), c.Key()} {
		got, err := checkpoint.ParseKey(key.String())
		require.NoError(t, err)
		assert.Equal(t, key, got)
	}
	assert.Equal(t, k.Cosigning(), c.Key())
	assert.NotEqual(t, k.Hash, c.Key().Hash)
	v := k.String()
	for _, bad := range []string{"", name, v + "\n", v[:len(v)-1], strings.ToUpper(v), "a" + v, strings.Replace(v, "+", " ", 1), v + "A"} {
		_, err := checkpoint.NewVerifier(bad)
		assert.ErrorIs(t, err, checkpoint.ErrKey, bad)
	}
}

func TestCosignatureIsOverTimeAndText(t *testing.T) {
	_, c, k := keys(t, "w")
	text := checkpoint.Checkpoint{Origin: name, Size: 7, Root: tlog.Hash{1}}.Text()
	line := c.Cosign(text, time.Unix(99, 0))
	raw, err := base64.StdEncoding.DecodeString(strings.Fields(line)[2])
	require.NoError(t, err)
	v := k.Cosigning().Verifier()
	assert.True(t, v.Verify([]byte(text), raw[4:]))
	assert.False(t, v.Verify([]byte(text+"x\n"), raw[4:]))
	for i := range raw[4:] {
		bad := append([]byte(nil), raw[4:]...)
		bad[i] ^= 1
		assert.False(t, v.Verify([]byte(text), bad), "byte %d", i)
	}
	assert.False(t, v.Verify([]byte(text), raw[12:]))
	assert.False(t, v.Verify([]byte(text), nil))
	assert.False(t, k.Verifier().Verify([]byte(text), raw[12:]), "a cosignature is no signature of a log")
	early := strings.Fields(c.Cosign(text, time.Unix(-5, 0)))[2]
	at, ok := checkpoint.CosignedAt(note.Signature{Base64: early})
	assert.True(t, ok)
	assert.Equal(t, int64(0), at.Unix())
}

func FuzzOpen(f *testing.F) {
	signer, c, k := keys(f, name)
	text := checkpoint.Checkpoint{Origin: name, Size: 7}.Text()
	msg := signed(f, text, signer)
	both, err := checkpoint.Merge(msg, c.Cosign(text, time.Unix(1, 0)))
	require.NoError(f, err)
	f.Add(msg)
	f.Add(both)
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := checkpoint.Peek(b); err == nil {
			require.True(t, strings.HasPrefix(string(b), c.Text()+"\n"))
		}
		if c, _, err := checkpoint.OpenFrom(b, name, k.Verifier()); err == nil {
			require.Equal(t, text, c.Text())
		}
		if merged, err := checkpoint.Merge(both, string(b)); err == nil {
			_, _, err := checkpoint.Open(merged, k.Verifier())
			if !strings.Contains(string(b), "— "+name+" ") {
				require.NoError(t, err)
			}
		}
	})
}

func FuzzParseKey(f *testing.F) {
	_, c, k := keys(f, name)
	f.Add(k.String())
	f.Add(c.Key().String())
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := checkpoint.ParseKey(s); err == nil {
			require.Equal(t, s, k.String())
		}
		if c, err := checkpoint.NewCosigner(s); err == nil {
			require.True(t, c.Key().Timestamped())
		}
	})
}
