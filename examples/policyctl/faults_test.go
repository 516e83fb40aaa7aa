package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sentences are those that package policy says through fail and say, one for
// each place in its source: texts are "x", numbers 7, suggestions left out.
// Those that are put together of others are spelt out.
func sentences(t *testing.T) []string {
	t.Helper()
	built := map[string][]string{
		"%s":      nil, // a parser's, or one of the others
		"key: %s": {"key: unknown attribute 'x'"}, "with: %s": {"with: unknown attribute 'x'"}, "withheld: %s": {"withheld: unknown attribute 'x'"},
		"%s: %s": {"use: with its values: x"}, "use: with its values: %s": {"use: with its values: x"},
		"%s is never true%s": {
			"x is never true, so it never applies", "x, beside the other clauses, is never true, so it never applies",
			"x is never true; it only denies where the condition cannot be evaluated",
			"x, beside the other clauses, is never true; it only denies where the condition cannot be evaluated"},
		"has the head and the condition of '%s'%s": {"has the head and the condition of 'x'", "has the head and the condition of 'x', and what both ask for is due together"},
		"never applies%s: quota '%s' asks for at least %s, '%s' allows at most %s": {
			"never applies: quota 'x' asks for at least x, 'x' allows at most x", "never applies but to publish: quota 'x' asks for at least x, 'x' allows at most x"},
		"%s in no test": {"applies in no test", "denies in no test"},
	}
	var list []string
	names, err := filepath.Glob("../../policy/*.go")
	require.NoError(t, err)
	more, err := filepath.Glob("../../policy/internal/expr/*.go")
	require.NoError(t, err)
	for _, name := range append(names, more...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if to, ok := call.Fun.(*ast.SelectorExpr); !ok || to.Sel.Name != "fail" && to.Sel.Name != "say" {
				return true
			}
			for i, arg := range call.Args {
				lit, ok := arg.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING || lit.Value == `""` {
					continue
				}
				format, err := strconv.Unquote(lit.Value)
				require.NoError(t, err)
				if sums, ok := built[format]; ok {
					list = append(list, sums...)
				} else {
					list = append(list, sentence(format, call.Args[i+1:]))
				}
				break
			}
			return true
		})
	}
	return list
}

func sentence(format string, args []ast.Expr) string {
	var values []any
	for i, verb := range strings.Split(format, "%")[1:] {
		switch {
		case suggests(args[i]):
			values = append(values, "")
		case verb[0] == 'd':
			values = append(values, 7)
		default:
			values = append(values, "x")
		}
	}
	return fmt.Sprintf(format, values...)
}

func suggests(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	to, ok := call.Fun.(*ast.SelectorExpr)
	return ok && to.Sel.Name == "Suggest"
}

// A sentence that is new in the package is shown as it stands until it is
// translated; a few may be.
func TestWhateverIsWrongWithADocumentIsSaidInFrench(t *testing.T) {
	list := sentences(t)
	assert.Greater(t, len(list), 80)
	var unsaid []string
	for _, text := range list {
		said := french.fault(text)
		if said == text {
			unsaid = append(unsaid, text)
		}
		assert.NotContains(t, said, "%!", text)
		assert.Equal(t, text, english.fault(text))
	}
	assert.LessOrEqual(t, len(unsaid), len(list)/20, "said in English only:\n%s", strings.Join(unsaid, "\n"))
	assert.Equal(t, "attribut inconnu « a.b » ; vouliez-vous dire « a.c » ?", french.fault("unknown attribute 'a.b'; did you mean 'a.c'?"))
	assert.Equal(t, "règle : clé inconnue « grant »", french.fault("rule: unknown key 'grant'"), "a document's own word stays")
	assert.Equal(t, "il faut vrai ou faux, ceci est un texte", french.fault("expected type 'bool' but found 'string'"))
	assert.Equal(t, "when : il faut une condition en texte, pas une liste", french.fault("when: want a condition as text, got a list"))
}

func TestEverySentenceKeepsItsParts(t *testing.T) {
	for _, p := range frenchFaults {
		assert.Equal(t, strings.Count(p.said, "%"), strings.Count(p.other, "%s"), p.said)
		assert.NotContains(t, p.other, "%d", "a number is passed as text")
	}
}
