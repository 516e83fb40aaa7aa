package redteam

import (
	"fmt"
	"math"
	"regexp"
	"strings"
)

// nonce matches what is drawn at random in every market: handles, digests,
// signatures, keys, commitments, addresses.
var nonce = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{40,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+|0xc[0-9a-f]{9}|\{(?:0x[0-9a-f]{1,2}, ){15,}0x[0-9a-f]{1,2}\}|[A-Za-z0-9_-]*[A-Za-z0-9+/=_]{16,}`)

// A Transcript is what a reader was told, in order, with all that is random
// replaced by when it was first seen and how long it is. Two readers whose
// transcripts are equal were told the same.
type Transcript struct {
	text  strings.Builder
	seen  map[string]int
	lines int
}

// Add appends an answer.
func (t *Transcript) Add(a Answer) {
	if t.seen == nil {
		t.seen = map[string]int{}
	}
	t.lines++
	fmt.Fprintf(&t.text, "#%d %v ", t.lines, a.OK)
	t.text.WriteString(nonce.ReplaceAllStringFunc(string(a.Seen), func(s string) string {
		if !strings.ContainsAny(s, "0123456789") || strings.ContainsAny(s, "-") && dated.MatchString(s) {
			return s // a word, or a time
		}
		n, ok := t.seen[s]
		if !ok {
			n = len(t.seen)
			t.seen[s] = n
		}
		size := len(s)
		if s[0] == '{' {
			size = strings.Count(s, "0x") // bytes below 16 are printed shorter
		}
		return fmt.Sprintf("⟨%d:%d⟩", n, size)
	}))
	t.text.WriteByte('\n')
}

var dated = regexp.MustCompile(`\d{4}-\d{2}-\d{2}`)

// String is the whole transcript.
func (t *Transcript) String() string { return t.text.String() }

// Differ returns the first place at which two transcripts differ, or "".
func Differ(a, b string) string {
	if a == b {
		return ""
	}
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return fmt.Sprintf("%q against %q", clip(a, i), clip(b, i))
}

func clip(s string, at int) string { return s[max(0, at-60):min(len(s), at+60)] }

// Entropy is what answers tell of equally likely secrets, one answer for each,
// in bits.
func Entropy(answers []string) float64 {
	count := map[string]int{}
	for _, a := range answers {
		count[a]++
	}
	bits := 0.0
	for _, n := range count {
		p := float64(n) / float64(len(answers))
		bits -= p * math.Log2(p)
	}
	return max(0, bits)
}
