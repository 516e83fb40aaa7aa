package disclosure

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"time"
)

// digest identifies what a command asks for, so that an id used for something
// else is noticed: the SHA-256 of every field, each text with its length, each
// digest with its place where there is one. The
// clocks, the sequence number, and what a consent merely keeps (its rules, its
// lapse and in whose place it was given, which a host derives from the moment)
// are left out: a client that lost its answer may send them anew.
func (c *Command) digest() Digest {
	var room [384]byte // most need a third of it
	b := append(room[:0], "csss/command/3"...)
	b = append(b, byte(c.Side), byte(c.Stage), 0)
	if c.Rating.Solved {
		b[len(b)-1] = 1
	}
	b = lengthText(lengthText(lengthText(b, c.ID), string(c.Session)), c.Firm)
	b = lengthText(lengthText(b, c.Actor), string(c.Kind))
	b = lengthText(lengthText(b, c.Requirement), c.Reason)
	b = binary.AppendUvarint(b, uint64(len(c.Roles)))
	for _, r := range c.Roles {
		b = lengthText(b, r)
	}
	b = binary.AppendVarint(binary.AppendVarint(b, c.Hours), int64(c.Rating.Stars))
	for i, d := range [...]*Digest{&c.Bind.Summary, &c.Bind.Terms, &c.Bind.Bundle, &c.Bind.Invitation, &c.Terms} {
		if !d.IsZero() {
			b = append(append(b, byte(i)), d[:]...)
		}
	}
	return sha256.Sum256(b)
}

// lengthText appends a text with its length before it.
func lengthText(b []byte, s string) []byte {
	if s == "" {
		return append(b, 0)
	}
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// is reports whether a digest, of this build or an earlier one, is the
// command's.
func (c *Command) is(d Digest) bool {
	return d == c.digest() || d == c.secondDigest() || d == c.firstDigest()
}

// secondDigest is the digest of a time when every text had four bytes for its
// length and absent digests were written as zeros.
func (c *Command) secondDigest() Digest {
	var room [512]byte
	b := append(room[:0], "csss/disclosure/command/2"...)
	for _, s := range [...]string{c.ID, string(c.Session), c.Firm, c.Actor, string(c.Kind), c.Requirement, c.Reason} {
		b = text(b, s)
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(len(c.Roles)))
	for _, r := range c.Roles {
		b = text(b, r)
	}
	b = append(b, byte(c.Side), byte(c.Stage))
	for _, n := range [...]uint64{uint64(c.Hours), uint64(c.Rating.Stars)} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	solved := byte(0)
	if c.Rating.Solved {
		solved = 1
	}
	b = append(b, solved)
	for _, d := range [...]*Digest{&c.Bind.Summary, &c.Bind.Terms, &c.Terms} {
		b = append(b, d[:]...)
	}
	for i, d := range [...]*Digest{&c.Bind.Bundle, &c.Bind.Invitation} { // later than the others, and mostly absent
		if !d.IsZero() {
			b = append(append(b, byte(i)), d[:]...)
		}
	}
	return sha256.Sum256(b)
}

func text(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
}

// firstDigest is the digest that the first version of the events bears, over
// the command as JSON.
func (c *Command) firstDigest() Digest {
	x := *c
	x.At, x.Said, x.Seq = time.Time{}, time.Time{}, 0
	x.Bind.Policy, x.Bind.Expires, x.Under = Digest{}, time.Time{}, ""
	h := sha256.New()
	_ = json.NewEncoder(h).Encode(x) // strings, numbers and times always encode
	return Digest(h.Sum(nil))
}
