package policy_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

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
