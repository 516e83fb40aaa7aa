package arch_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/internal/arch"
)

// weights lists what a program may grow when it imports one package: MB of 10⁶ bytes, stripped, with every exported
// function and method of the package linked in, so that no user's program grows more. 0 is printed, not limited.
var weights = []struct {
	name  string // relative
	limit float64
	why   string
}{
	{"./ledger", 2.5, "a verifier is small"},
	{"./match", 4, "a matcher without rule language and log"},
	{"./policy", 14, "CEL's parser and checker are heavy, and only here"},
	{"./embed/lexical", 0, ""},
	{"./disclosure", 0, ""},
	{".", 0, ""},
}

func TestProgramsGrowWithinTheirLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIP: -short; this test links seven programs")
	}
	empty := size(t, "package main\nfunc main() {}\n")
	for _, w := range weights {
		path := arch.Module + strings.TrimPrefix(w.name, ".")
		packages := list(t, path)
		p := packages[path]
		require.NotEmpty(t, p.GoFiles, path)
		mb := float64(size(t, program(t, p))-empty) / 1e6
		t.Logf("%-16s %6.2f MB over an empty program, reaches %s", w.name, mb, cmp.Or(strings.Join(modules(packages, p), ", "), "no other module"))
		assert.Positive(t, mb)
		if w.limit > 0 {
			assert.LessOrEqual(t, mb, w.limit, "%s: %s", w.name, w.why)
		}
	}
}

// size builds a program of one file inside the module, without writing to it, and returns its length.
func size(t *testing.T, source string) int64 {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	here, err := filepath.Abs(root)
	require.NoError(t, err)
	file, binary, overlay := filepath.Join(dir, "main.go"), filepath.Join(dir, "program"), filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(file, []byte(source), 0o600))
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(here, "internal", "arch", "program", "main.go"): file}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, replace, 0o600))
	run(t, "build", "-overlay", overlay, "-ldflags", "-s -w", "-o", binary, "./internal/arch/program")
	info, err := os.Stat(binary)
	require.NoError(t, err)
	return info.Size()
}

// program writes a program that takes the address of every exported function and method of a package, generic ones
// aside.
func program(t *testing.T, p listed) string {
	t.Helper()
	var names []string
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.IsExported() && f.Type.TypeParams == nil {
				if name := expression(f); name != "" {
					names = append(names, name)
				}
			}
		}
	}
	require.NotEmpty(t, names)
	slices.Sort(names)
	return fmt.Sprintf("package main\nimport p %q\nvar linked = []any{\n%s,\n}\nfunc main() { println(len(linked)) }\n", p.ImportPath, strings.Join(names, ",\n"))
}

// expression names a function or method as another package would, "" where it cannot.
func expression(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return "p." + f.Name.Name
	}
	receiver := f.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	if id, ok := receiver.(*ast.Ident); ok && id.IsExported() {
		return "(*p." + id.Name + ")." + f.Name.Name
	}
	return ""
}
