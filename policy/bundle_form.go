package policy

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// bundleDomain is the first line of what is signed: no other use of a key can be taken for a bundle.
const bundleDomain = "csss.policy/bundle/v1"

// maxBundleBytes bounds a bundle: a document, and a head of at most a few hundred bytes.
const maxBundleBytes = maxDocumentBytes + 1024

// signed is the statement in its one form, which is the text of a C2SP signed note.
func (s *Statement) signed() []byte {
	return fmt.Appendf(nil, "%s\nemployer %s\nversion %d\ndigest %x\ntext %x\nfrom %s\nuntil %s\n", bundleDomain,
		s.Employer, s.Version, s.Digest, s.Text, s.From.UTC().Format(time.RFC3339), s.Until.UTC().Format(time.RFC3339))
}

// MarshalText returns the bundle's one text form: a C2SP signed note (the statement, an empty line, the signature line
// "— employer base64"), an empty line, and the document as it is. The note verifies with any tool for such notes. The
// error is always nil; a bundle that breaks the rules of the form makes bytes that [ParseBundle] refuses.
func (b Bundle) MarshalText() ([]byte, error) {
	out := b.signed()
	signature := append(binary.BigEndian.AppendUint32(nil, b.Key), b.Signature[:]...)
	out = fmt.Appendf(out, "\n— %s %s\n\n", b.Employer, base64.StdEncoding.EncodeToString(signature))
	return append(out, b.Document...), nil
}

// UnmarshalText is [ParseBundle].
func (b *Bundle) UnmarshalText(text []byte) error {
	parsed, err := ParseBundle(text)
	if err != nil {
		return err
	}
	*b = *parsed
	return nil
}

// ParseBundle reads what [Bundle.MarshalText] wrote: there is one form, and encoding the result gives the same bytes. It
// believes nothing and compiles nothing; it copies what it keeps. Time and memory are linear in the text, which is at most
// 1 MiB and 1 KiB.
//
// Errors: [*BundleError] with [ErrBundleSize], [ErrBundleForm], or [ErrBundleEmployer] if another name than the
// statement's signed.
func ParseBundle(text []byte) (*Bundle, error) {
	if len(text) > maxBundleBytes {
		return nil, &BundleError{Reason: ErrBundleSize, Got: fmt.Sprintf("%d bytes", len(text)), Limit: fmt.Sprintf("at most %d", maxBundleBytes)}
	}
	statement, rest, ok := bytes.Cut(text, []byte("\n\n"))
	line, document, more := bytes.Cut(rest, []byte("\n\n"))
	if !ok || !more {
		return nil, &BundleError{Reason: ErrBundleForm, Got: "want a statement, a signature and a document"}
	}
	b := &Bundle{Document: bytes.Clone(document)}
	if why := b.parseStatement(string(statement)); why != "" {
		return nil, &BundleError{Reason: ErrBundleForm, Got: why}
	}
	if err := b.parseSignature(string(line)); err != nil {
		return nil, err
	}
	if again, _ := b.MarshalText(); !bytes.Equal(again, text) {
		return nil, &BundleError{Reason: ErrBundleForm, Got: "not in canonical form"}
	}
	return b, nil
}

// parseStatement reads the statement's lines; it returns what is wrong with them.
func (s *Statement) parseStatement(text string) string {
	lines := strings.Split(text, "\n")
	fields := []struct {
		name string
		read func(string) bool
	}{
		{"employer", func(v string) bool { s.Employer = v; return isWord(v) }},
		{"version", func(v string) bool {
			n, err := strconv.ParseInt(v, 10, 32)
			s.Version = int(n)
			return err == nil && n >= 1
		}},
		{"digest", func(v string) bool { return readHex(v, &s.Digest) }},
		{"text", func(v string) bool { return readHex(v, &s.Text) }},
		{"from", func(v string) bool { return readTime(v, &s.From) }},
		{"until", func(v string) bool { return readTime(v, &s.Until) }},
	}
	if len(lines) != 1+len(fields) || lines[0] != bundleDomain {
		return "the statement does not begin with " + bundleDomain + " or has lines too few or too many"
	}
	for i, f := range fields {
		value, ok := strings.CutPrefix(lines[1+i], f.name+" ")
		if !ok || !f.read(value) {
			return fmt.Sprintf("line %d is not a good '%s'", 2+i, f.name)
		}
	}
	return s.validityFault()
}

func readHex(text string, out *[32]byte) bool {
	if len(text) != hex.EncodedLen(len(out)) {
		return false
	}
	_, err := hex.Decode(out[:], []byte(text))
	return err == nil
}

func readTime(text string, out *time.Time) bool {
	t, err := time.Parse(time.RFC3339, text)
	*out = t.UTC()
	return err == nil
}

// parseSignature reads the note's one signature line.
func (b *Bundle) parseSignature(line string) error {
	name, encoded, ok := strings.Cut(strings.TrimPrefix(line, "— "), " ")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(raw) != 4+ed25519.SignatureSize {
		return &BundleError{Reason: ErrBundleForm, Got: "the signature line is not '— employer base64' of one Ed25519 signature"}
	}
	if name != b.Employer {
		return &BundleError{Reason: ErrBundleEmployer, Got: "another name signed than the statement's"}
	}
	b.Key = binary.BigEndian.Uint32(raw)
	copy(b.Signature[:], raw[4:])
	return nil
}
