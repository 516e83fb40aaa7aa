package policy_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

// samples are documents and scraps of YAML.
func samples(t testing.TB) []string {
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	more, err := filepath.Glob("../examples/policyctl/rules/*.yaml")
	require.NoError(t, err)
	list := []string{
		shiftRules, "a: 1\n", "a: [1, 2.5, true, no, ~, x y, 2026-09-01, 'it''s', \"a \\\"b\\\" \\\\\"]", "{a: {b: [c, {d: e}]}, f: []}\n",
		"# c\na:\n- b\n- c: d\n  e: f\n-  - g\n   - h # i\nj:\n  k:\n    'l'\n", "é: 1\na: [é, ü] # à\nb: 'é' # x\nc: {é: d, f: ñ}\ng: ça: va\n",
		"a: {b: " + strings.Repeat("x y ", 600) + "}\nc:\n  '" + strings.Repeat("x", 2000) + "'\nd: [" + strings.Repeat("x", 1500) + ", y]\n",
		"a: b\n  c\n", "a: b: c\n", "a:\n", "- a\n", "a: |\n  b\n", "a: &x b\n", "a: 'b\n  c'\n", "a: b#c\nd: e #f\n", "a: http://b\nc: {d: http://e, f: g:h}\n",
		"a: b\na: c\n", "a: {b: c,\n d: e}\nf: g\n", "a: [b,\n#x\nc]\n", "true: x\n", "1: x\n", "n: y\ny: n\n", "a: -1\nb: - 1\nc: -x\nd: +5\n", "---\na: b\n", "a: b\n...\n", "a: b\n---\nc: d\n",
		"a: ? b\n", "a: {b? c: d}\n", "a: [b?, c]\n", "a: 'x' y\n", "a: {b: c} d\n", " a: b\n c: d\n", "a:\n  b: c\n d: e\n", "a: - b\n", "a:\n- b\n  - c\n", "a: [b c, d  e ,f]\n", "a: {b : c}\n", "a: 0x1F\nb: 0o7\nc: 1_000\nd: 1e3\ne: 08\n", "a: >= 5\nb: x >= 5\nc: {d: x >= 5}\n",
	}
	for _, name := range append(files, more...) {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		list = append(list, string(text))
	}
	return list
}

// What is read as plain, the library reads as the same tree, places included.
func requireSameTree(t *testing.T, text string) (plain bool) {
	got, plain := policy.PlainTree(text)
	if !plain {
		return false
	}
	want, ok := policy.LibraryTree(text)
	require.True(t, ok, "%q", text)
	require.Equal(t, want, got, "%q", text)
	return true
}

func TestPlainDocumentsReadAsTheLibraryReadsThem(t *testing.T) {
	n := 60_000
	if testing.Short() {
		n = 6_000
	}
	texts := samples(t)
	for _, text := range texts {
		requireSameTree(t, text)
	}
	r := rand.New(rand.NewPCG(7, 8))
	plain := 0
	for range n {
		if requireSameTree(t, mangled(texts[r.IntN(len(texts))], r)) {
			plain++
		}
	}
	assert.Greater(t, plain, n/20)
}

// mangled cuts a stretch out of a text and changes a few places of it.
func mangled(text string, r *rand.Rand) string {
	if len(text) > 120 { // whole lines of it
		lines := strings.SplitAfter(text, "\n")
		from := r.IntN(len(lines))
		text = strings.Join(lines[from:min(len(lines), from+1+r.IntN(6))], "")
		if indent := len(text) - len(strings.TrimLeft(text, " ")); indent > 0 {
			text = strings.ReplaceAll("\n"+text, "\n"+strings.Repeat(" ", indent), "\n")[1:]
		}
		text = strings.TrimPrefix(text, "- ")
	}
	bits := []string{" ", "  ", "\n", "\n  ", "- ", "-", ":", ": ", "#", " #", ",", "{", "}", "[", "]", "'", "\"", "''", "\\", "\\\"", "&", "*", "!", "|", ">", "%", "@", "?", "? ", "a", "b: c\n", "1", ".", "~", "true", "é", "<<", "---", "...", "_", "/", "=", "+", "2026-01-01", "x: y", "\u2028", "\t", "\r\n"}
	for range r.IntN(4) {
		at := r.IntN(len(text) + 1)
		drop := min(r.IntN(3)*r.IntN(3), len(text)-at)
		add := ""
		if r.IntN(4) > 0 {
			add = bits[r.IntN(len(bits))]
		}
		text = text[:at] + add + text[at+drop:]
	}
	return text
}

// The documents people write are plain, but for those with blocks of text.
func TestDocumentsArePlain(t *testing.T) {
	for _, doc := range workload(20, 5) {
		assert.True(t, requireSameTree(t, string(doc.Text)))
	}
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.True(t, requireSameTree(t, string(text)), name)
	}
}

func FuzzPlain(f *testing.F) {
	for _, text := range samples(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { requireSameTree(t, text) })
}

// Words and categories are what these patterns say.
func TestWordsAndCategories(t *testing.T) {
	word := regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	category := regexp.MustCompile(`^[a-z0-9_-]+(\.[a-z0-9_-]+)*$`)
	r := rand.New(rand.NewPCG(3, 4))
	texts := []string{"", strings.Repeat("a", 128), strings.Repeat("a", 129)}
	for range 20_000 {
		b := make([]byte, r.IntN(6))
		for i := range b {
			b[i] = "aZ09_-..- é\n"[r.IntN(len("aZ09_-..- é\n"))]
		}
		texts = append(texts, string(b))
	}
	for _, s := range texts {
		require.Equal(t, word.MatchString(s), policy.IsWord(s), "%q", s)
		require.Equal(t, category.MatchString(s), policy.IsCategory(s), "%q", s)
	}
}
