package policy_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/deeperpoint/csss/policy"
)

// celWords are the words that the language keeps for itself, and names of its functions and types.
var celWords = []string{"in", "true", "false", "null", "as", "break", "const", "continue", "else", "for", "function", "if", "import",
	"let", "loop", "package", "namespace", "return", "var", "void", "while",
	"int", "double", "bool", "string", "bytes", "list", "map", "type", "dyn", "uint", "timestamp", "duration", "size", "matches", "contains", "has",
	"all", "exists", "present", "google", "cel", "math", "optional"}

// A schema takes an attribute only if a condition can read it.
func TestAnAttributeOfASchemaCanBeRead(t *testing.T) {
	refused := 0
	for _, word := range celWords {
		for _, name := range []string{word + ".x", "x." + word, "x." + word + ".y"} {
			schema, err := policy.NewSchema(policy.Attr(name, policy.KindInt))
			if err != nil {
				assert.ErrorContains(t, err, "conditions reserve the word '"+word+"'")
				refused++
				continue
			}
			_, err = policy.Compile(schema, policy.Source{Text: []byte("apiVersion: csss.policy/v1\nemployer: shop\nversion: 1\n" +
				permitting(when("present("+name+") && "+name+" > 1")))})
			assert.NoError(t, err, name)
		}
	}
	assert.Equal(t, 4*3+17, refused, "and no other")
}
