package policy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

// sectionsOf cuts the description of the format at its headings. Rows are the cells of each table row below one.
func sectionsOf(t *testing.T) map[string][][]string {
	t.Helper()
	text, err := os.ReadFile("FORMAT.md")
	require.NoError(t, err)
	sections := map[string][][]string{}
	heading := ""
	for line := range strings.SplitSeq(string(text), "\n") {
		if name, ok := strings.CutPrefix(line, "### "); ok {
			heading = name
		}
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.ReplaceAll(strings.Trim(line, "|"), `\|`, "¦"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		sections[heading] = append(sections[heading], cells)
	}
	return sections
}

// keyTables are the decoder's tables of keys, in the words of the description.
func keyTables(t *testing.T) map[string][][]string {
	t.Helper()
	names := map[string]string{"approvalEvent": "approval event"} // where the decoder's word stands for two things
	required := map[string]string{"true": "yes", "false": "", "must": "in grants"}
	tables := map[string][][]string{}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) < 3 || !isSelector(call.Fun, "object") {
					return true
				}
				what, ok := names[f.Name.Name]
				if !ok {
					what = literal(call.Args[1])
				}
				for _, arg := range call.Args[2:] {
					if row, ok := arg.(*ast.CompositeLit); ok {
						must, _ := row.Elts[1].(*ast.Ident)
						tables[what] = append(tables[what], []string{"`" + literal(row.Elts[0]) + "`", required[must.Name]})
					}
				}
				return true
			})
		}
	}
	return tables
}

func isSelector(e ast.Expr, name string) bool {
	s, ok := e.(*ast.SelectorExpr)
	return ok && s.Sel.Name == name
}

func literal(e ast.Expr) string {
	lit, _ := e.(*ast.BasicLit)
	if lit == nil {
		return ""
	}
	s, _ := strconv.Unquote(lit.Value)
	return s
}

// Each key that the decoder knows is described, in its order, and no other.
func TestTheFormatIsDescribedKeyByKey(t *testing.T) {
	sections, tables := sectionsOf(t), keyTables(t)
	assert.Len(t, tables, 21, "tables of keys")
	for what, want := range tables {
		var got [][]string
		for _, row := range sections[what] {
			require.Len(t, row, 4, "%s: %s", what, row)
			assert.NotEmpty(t, row[2], "%s: %s", what, row[0])
			got = append(got, row[:2])
		}
		assert.Equal(t, want, got, what)
		delete(sections, what)
	}
	delete(sections, "Functions")
	delete(sections, "Attributes")
	delete(sections, "") // words and values
	assert.Empty(t, sections, "described, and nothing that the decoder knows")
}

func TestTheFormatDescribesEveryAttribute(t *testing.T) {
	var want, got [][]string
	for _, a := range policy.BaseSchema().Attributes() {
		row := []string{"`" + a.Name + "`", a.Kind.String(), "", ""}
		if a.Tainted {
			row[2] = "yes"
		}
		if a.From != "" {
			row[3] = "`" + string(a.From) + "`"
		}
		want = append(want, row)
	}
	for _, row := range sectionsOf(t)["Attributes"] {
		require.Len(t, row, 5, row)
		got = append(got, []string{row[0], row[1], row[3], row[4]})
	}
	assert.ElementsMatch(t, want, got)
}

// Each function that conditions may call by its name is described, and no other.
func TestTheFormatDescribesEveryFunction(t *testing.T) {
	want := []string{"all", "exists", "present", "in"} // a macro or an operator
	file, err := parser.ParseFile(token.NewFileSet(), "internal/expr/lint.go", nil, 0)
	require.NoError(t, err)
	for _, decl := range file.Decls {
		vars, ok := decl.(*ast.GenDecl)
		if !ok || vars.Tok != token.VAR {
			continue
		}
		if spec := vars.Specs[0].(*ast.ValueSpec); spec.Names[0].Name == "allowed" {
			for _, row := range spec.Values[0].(*ast.CompositeLit).Elts {
				if name := literal(row.(*ast.KeyValueExpr).Key); name != "" {
					want = append(want, name)
				}
			}
		}
	}
	require.Greater(t, len(want), 20)
	var got []string
	for _, row := range sectionsOf(t)["Functions"] {
		for _, m := range regexp.MustCompile("`\\.?([a-zA-Z]+)[^`]*`").FindAllStringSubmatch(row[0], -1) {
			got = append(got, m[1])
		}
	}
	assert.ElementsMatch(t, want, got)
}

// What the description shows as conditions are some.
func TestTheConditionsOfTheDescriptionCompile(t *testing.T) {
	text, err := os.ReadFile("FORMAT.md")
	require.NoError(t, err)
	blocks := strings.Split(string(text), "```")
	require.Len(t, blocks, 3)
	for cond := range strings.Lines(strings.TrimSpace(blocks[1])) {
		compile(t, nil, permitting(when(strings.TrimSpace(cond))))
	}
	for _, cond := range []string{`price.rate >= 95.00`, `has(price.rate)`, `price.rate == "95"`} {
		_, err := policy.Compile(nil, policy.Source{Text: []byte("apiVersion: csss.policy/v1\nemployer: shop\nversion: 1\n" + permitting(when(cond)))})
		assert.Error(t, err, cond)
	}
}

// The bounds that the description states are those of the decoder.
func TestTheBoundsOfTheDescription(t *testing.T) {
	text, err := os.ReadFile("FORMAT.md")
	require.NoError(t, err)
	for _, bound := range policy.Bounds {
		assert.Contains(t, string(text), bound)
	}
}
