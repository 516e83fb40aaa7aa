package arch_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/internal/arch"
)

// root is the folder of the module, seen from this one.
var root = filepath.Join("..", "..")

// listed is one package as the go command lists it.
type listed struct {
	ImportPath string
	Name       string
	Dir        string
	Standard   bool
	GoFiles    []string
	Deps       []string
	Module     *struct{ Path string }
	Error      *struct{ Err string }
}

// list asks the go command for packages and what they depend on.
func list(t *testing.T, patterns ...string) map[string]listed {
	t.Helper()
	out := run(t, append([]string{"list", "-e", "-deps", "-json=ImportPath,Name,Dir,Standard,GoFiles,Deps,Module,Error"}, patterns...)...)
	packages := map[string]listed{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := decoder.Decode(&p)
		if err == io.EOF {
			return packages
		}
		require.NoError(t, err)
		packages[p.ImportPath] = p
	}
}

func run(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false -mod=readonly")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "go %s\n%s", strings.Join(args, " "), stderr.String())
	return out
}

// ours returns the packages of the module in the order of their paths.
func ours(packages map[string]listed) []listed {
	var own []listed
	for _, p := range packages {
		if !p.Standard && (p.ImportPath == arch.Module || strings.HasPrefix(p.ImportPath, arch.Module+"/")) {
			own = append(own, p)
		}
	}
	slices.SortFunc(own, func(a, b listed) int { return strings.Compare(a.ImportPath, b.ImportPath) })
	return own
}

// modules returns the modules that a package depends on, in order, its own left out.
func modules(packages map[string]listed, p listed) []string {
	var paths []string
	for _, d := range p.Deps {
		if m := packages[d].Module; m != nil && m.Path != arch.Module {
			paths = append(paths, m.Path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// parse reads all non-test files of a folder, those of other platforms and tags included.
func parse(t *testing.T, fset *token.FileSet, dir string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
	}
	return files
}

func imports(files []*ast.File) []string {
	var paths []string
	for _, f := range files {
		for _, s := range f.Imports {
			if p, err := strconv.Unquote(s.Path.Value); err == nil {
				paths = append(paths, p)
			}
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

func TestPackagesReachWhatTheirRowsAllow(t *testing.T) {
	packages := list(t, "./...")
	var all []arch.Package
	for _, p := range ours(packages) {
		if p.Error != nil && len(p.GoFiles) > 0 {
			t.Errorf("%s: %s", p.ImportPath, p.Error.Err)
		}
		files := parse(t, token.NewFileSet(), p.Dir)
		if len(files) == 0 {
			continue // tests alone
		}
		all = append(all, arch.Package{Path: p.ImportPath, Imports: imports(files), Modules: modules(packages, p)})
	}
	require.Greater(t, len(all), 10, "the go command listed the module")
	for _, v := range arch.Check(all) {
		t.Error(v)
	}
}

func TestLibraryCodeKeepsToItself(t *testing.T) {
	checked := 0
	for _, p := range ours(list(t, "./...")) {
		name := arch.Relative(p.ImportPath)
		if p.Name == "main" || strings.HasPrefix(name, "./examples/") {
			continue
		}
		fset := token.NewFileSet()
		for _, file := range parse(t, fset, p.Dir) {
			checked++
			for _, v := range arch.CheckFile(fset, file, p.ImportPath) {
				t.Error(v)
			}
		}
	}
	assert.Greater(t, checked, 30, "files were read")
}

// The tables agree with each other: who is allowed a dependency by its row is one of its owners, and the other way
// round.
func TestTablesAgree(t *testing.T) {
	for _, o := range arch.Owners {
		for _, row := range arch.Rows {
			assert.Equal(t, slices.Contains(o.Packages, row.Package), slices.Contains(row.Imports, o.Module), "%s and %s", row.Package, o.Module)
		}
	}
	for _, row := range arch.Rows {
		assert.NotEmpty(t, row.Why, row.Package)
	}
}

// Each rule catches what it forbids.
func TestRulesCatchWhatTheyForbid(t *testing.T) {
	const m = arch.Module
	for _, c := range []struct {
		p    arch.Package
		want string
	}{
		{arch.Package{Path: m + "/match", Imports: []string{m + "/embed"}}, "./match: imports ./embed ("},
		{arch.Package{Path: m + "/ledger", Imports: []string{m + "/policy"}}, "./ledger: imports ./policy ("},
		{arch.Package{Path: m + "/match", Imports: []string{m + "/match/coderhnsw"}}, "./match: imports ./match/coderhnsw ("},
		{arch.Package{Path: m + "/match/hnsw", Imports: []string{m + "/match"}}, "./match/hnsw: imports ./match ("},
		{arch.Package{Path: m + "/disclosure", Imports: []string{m}}, "./disclosure: imports . ("},
		{arch.Package{Path: m, Imports: []string{"cel.dev/cel-go/cel"}}, ".: imports cel.dev/cel-go/cel ("},
		{arch.Package{Path: m + "/ledger", Imports: []string{"github.com/stretchr/testify/assert"}}, "./ledger: imports github.com/stretchr/testify/assert (a helper"},
		{arch.Package{Path: m + "/match", Modules: []string{"google.golang.org/protobuf"}}, "./match: reaches google.golang.org/protobuf ("},
		{arch.Package{Path: m + "/match", Imports: []string{"C"}}, "./match: imports C ("},
		{arch.Package{Path: m + "/embed/openai/x", Imports: []string{"net/http"}}, "./embed/openai/x: imports net/http ("},
		{arch.Package{Path: m + "/newcomer"}, "./newcomer: has no row ("},
		{arch.Package{Path: m + "/embed"}, "./ledger: has a row and does not exist ("},
	} {
		assert.Contains(t, text(arch.Check([]arch.Package{c.p})), c.want)
	}
	fine := arch.Package{Path: m + "/examples/x", Imports: []string{"os/exec", m, m + "/match", "fmt"}}
	assert.NotContains(t, text(arch.Check([]arch.Package{fine})), "./examples/x:")
}

func TestSourceRulesCatchWhatTheyForbid(t *testing.T) {
	const source = `package x
import ("fmt"; "log"; "log/slog"; "os"; "math/rand/v2"; say "fmt"; . "strings"; other "example.com/log")
func init() {}
func (t T) init() {}
func f(logger *slog.Logger) {
	os.Getenv("A")
	_ = os.Environ()
	fmt.Fprintln(os.Stderr)
	fmt.Sprint()
	say.Println()
	log.Fatal()
	other.Printf()
	slog.Info("")
	logger.Info("")
	println()
	rand.N(3)
}`
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "x.go", source, parser.SkipObjectResolution)
	require.NoError(t, err)
	var got []string
	for line := range strings.Lines(text(arch.CheckFile(fset, file, arch.Module+"/match"))) {
		line, _, _ = strings.Cut(line, " (")
		got = append(got, strings.TrimPrefix(line, "./match: x.go:"))
	}
	assert.Equal(t, []string{
		"3: has an init function", "2: imports into its own scope", "6: uses os.Getenv", "7: uses os.Environ", "8: uses os.Stderr",
		"10: uses fmt.Println", "11: uses log.Fatal", "13: uses log/slog.Info", "15: calls println",
	}, got)
}

func text(broken []arch.Violation) string {
	var b strings.Builder
	for _, v := range broken {
		b.WriteString(v.String() + "\n")
	}
	return b.String()
}
