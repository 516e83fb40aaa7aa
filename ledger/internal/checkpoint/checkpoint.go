// Package checkpoint reads and writes the signed texts of a log strictly:
// checkpoints (c2sp.org/tlog-checkpoint) inside signed notes
// (c2sp.org/signed-note), and timestamped Ed25519 cosignatures
// (c2sp.org/tlog-cosignature). The packages ledger, tiles and witness share it,
// so that all of them refuse the same things.
//
// Strict means one accepted form. Package note lets a signature come twice, takes
// base64 with loose last bits, and ignores what it does not know; package log
// takes a size with leading zeros. Here all of that is an error, so that no byte
// of an accepted text can be changed unseen, but for signatures by keys the
// reader does not know.
//
// Everything here is pure and may be used concurrently.
package checkpoint

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	tlogformat "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// MaxSize is the largest tree this package accepts: 2⁴⁸ entries, which keeps all
// arithmetic on tree hashes inside 64 bits.
const MaxSize = 1 << 48

// MaxNote is the largest signed checkpoint, in bytes, that is looked at.
const MaxNote = 64 << 10

// Why a checkpoint is refused.
var (
	ErrForm   = errors.New("checkpoint is not canonical")
	ErrOrigin = errors.New("checkpoint is of another log")
	ErrLarge  = errors.New("checkpoint is too large")
)

// Checkpoint is the text of a checkpoint.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   tlog.Hash

	// Extra are the extension lines with their newlines. Package ledger writes
	// none and accepts none.
	Extra string
}

// Text is the note text: three lines and the extension lines.
func (c Checkpoint) Text() string {
	return string(tlogformat.Checkpoint{Origin: c.Origin, Size: c.Size, Hash: c.Root[:]}.Marshal()) + c.Extra
}

// Parse reads a note text, which must be what [Checkpoint.Text] writes.
// Errors: [ErrForm], [ErrLarge].
func Parse(text string) (Checkpoint, error) {
	if len(text) > MaxNote {
		return Checkpoint{}, ErrLarge
	}
	var f tlogformat.Checkpoint
	rest, err := f.Unmarshal([]byte(text))
	if err != nil || len(f.Hash) != tlog.HashSize {
		return Checkpoint{}, ErrForm
	}
	c := Checkpoint{Origin: f.Origin, Size: f.Size, Root: tlog.Hash(f.Hash), Extra: string(rest)}
	switch {
	case c.Text() != text || !lines(c.Extra):
		return Checkpoint{}, ErrForm
	case c.Size > MaxSize:
		return Checkpoint{}, ErrLarge
	}
	return c, nil
}

// lines reports whether s is a sequence of whole, non-empty lines.
func lines(s string) bool {
	return s == "" || s[0] != '\n' && strings.HasSuffix(s, "\n") && !strings.Contains(s, "\n\n")
}

// Peek reads the text of a signed checkpoint without looking at the signatures.
// It is for one's own files and for finding the keys to check with. Errors as
// [Parse].
func Peek(msg []byte) (Checkpoint, error) {
	if len(msg) > MaxNote {
		return Checkpoint{}, ErrLarge
	}
	split := bytes.LastIndex(msg, []byte("\n\n"))
	if split < 0 {
		return Checkpoint{}, ErrForm
	}
	return Parse(string(msg[:split+1]))
}

// Open verifies a signed checkpoint. At least one key of known must have signed
// it, and no key of known may stand there with a wrong signature; known keys are
// in the note's Sigs, all others in its UnverifiedSigs. The caller compares the
// origin. Errors: [ErrForm], [ErrLarge], and those of note.Open.
func Open(msg []byte, known ...note.Verifier) (Checkpoint, *note.Note, error) {
	if len(msg) > MaxNote {
		return Checkpoint{}, nil, ErrLarge
	}
	n, err := note.Open(msg, verifiers(known))
	if err != nil {
		return Checkpoint{}, nil, err
	}
	if !canonicalSignatures(msg, n) {
		return Checkpoint{}, nil, ErrForm
	}
	c, err := Parse(n.Text)
	return c, n, err
}

// OpenFrom is [Open] for keys that all bear the name of the log, which must be
// the origin. It accepts no extension lines. Errors: also [ErrOrigin].
func OpenFrom(msg []byte, origin string, known ...note.Verifier) (Checkpoint, *note.Note, error) {
	c, n, err := Open(msg, known...)
	switch {
	case err != nil:
		return Checkpoint{}, nil, err
	case c.Origin != origin:
		return Checkpoint{}, nil, ErrOrigin
	case c.Extra != "":
		return Checkpoint{}, nil, ErrForm
	}
	return c, n, nil
}

// verifiers is a list of keys in which a key may come twice.
func verifiers(known []note.Verifier) note.Verifiers {
	var once []note.Verifier
	for _, v := range known {
		if !slices.ContainsFunc(once, func(o note.Verifier) bool { return o.Name() == v.Name() && o.KeyHash() == v.KeyHash() }) {
			once = append(once, v)
		}
	}
	return note.VerifierList(once...)
}

// canonicalSignatures reports whether each signature stands in the note once and
// in strict base64; package note is lenient in both.
func canonicalSignatures(msg []byte, n *note.Note) bool {
	sigs := slices.Concat(n.Sigs, n.UnverifiedSigs)
	for _, s := range sigs {
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return false
		}
	}
	lines := bytes.Count(msg, []byte("\n"))
	return lines == strings.Count(n.Text, "\n")+1+len(sigs)
}

// Merge returns the signed checkpoint with the signature lines added, each of
// which replaces one by the same key. Lines are what a witness answers: each
// begins with an em dash and ends with a newline. Errors: [ErrForm], [ErrLarge].
func Merge(msg []byte, lines string) ([]byte, error) {
	if _, err := Peek(msg); err != nil {
		return nil, err
	}
	split := bytes.LastIndex(msg, []byte("\n\n"))
	old, err := signatures(string(msg[split+2:]))
	if err != nil {
		return nil, err
	}
	fresh, err := signatures(lines)
	if err != nil {
		return nil, err
	}
	out := bytes.Clone(msg[:split+2])
	for _, s := range old {
		if !slices.ContainsFunc(fresh, s.same) {
			out = append(out, s.line...)
		}
	}
	for i, s := range fresh {
		if slices.ContainsFunc(fresh[i+1:], s.same) {
			return nil, ErrForm
		}
		out = append(out, s.line...)
	}
	if len(out) > MaxNote || len(old)+len(fresh) > 100 {
		return nil, ErrLarge
	}
	return out, nil
}

type signature struct {
	name, line string
	raw        []byte // key hash ‖ signature
}

func (s signature) same(o signature) bool {
	return s.name == o.name && bytes.Equal(s.raw[:4], o.raw[:4])
}

// signatures parses signature lines.
func signatures(text string) (out []signature, err error) {
	for text != "" {
		line, rest, whole := strings.Cut(text, "\n")
		text = rest
		body, ok := strings.CutPrefix(line, "— ")
		name, b64, two := strings.Cut(body, " ")
		raw, err := base64.StdEncoding.Strict().DecodeString(b64)
		if !whole || !ok || !two || !validName(name) || err != nil || len(raw) < 5 || strings.ContainsRune(b64, '\r') {
			return nil, ErrForm
		}
		out = append(out, signature{name: name, line: line + "\n", raw: raw})
	}
	return out, nil
}

// Line writes a signature line.
func Line(name string, hash uint32, sig []byte) string {
	raw := append([]byte{byte(hash >> 24), byte(hash >> 16), byte(hash >> 8), byte(hash)}, sig...)
	return fmt.Sprintf("— %s %s\n", name, base64.StdEncoding.EncodeToString(raw))
}
