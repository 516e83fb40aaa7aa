package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
)

// Call says which functions library code must not use. Library code is every non-test file outside examples and
// outside package main.
type Call struct {
	Import string   // package path
	Names  []string // none means every exported name
	Why    string
}

// Calls is the fifth table.
var Calls = []Call{
	{"os", []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Unsetenv", "Clearenv"}, "nothing reads the environment"},
	{"os", []string{"Stdout", "Stderr", "Stdin", "Exit", "Args"}, "a library does not speak unasked or end its host"},
	{"syscall", []string{"Getenv", "Environ", "Setenv", "Exit"}, "nothing reads the environment"},
	{"fmt", []string{"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"}, "a library does not speak unasked"},
	{"log", nil, "errors are returned, and events go to the logger in Options"},
	{"log/slog", []string{"Default", "SetDefault", "Debug", "DebugContext", "Info", "InfoContext", "Warn", "WarnContext", "Error", "ErrorContext", "Log", "LogAttrs", "With"},
		"only the logger in Options, never the process's"},
	{"flag", nil, "flags belong to programs"},
	{"math/rand", nil, "randomness comes from a Seed, by math/rand/v2"},
}

// Inits lists the packages that may have init functions, with the reason. Nobody may today.
var Inits = map[string]string{}

// CheckFile walks Calls and Inits over one non-test file of library code and returns what breaks them.
func CheckFile(fset *token.FileSet, file *ast.File, packagePath string) []Violation {
	name := Relative(packagePath)
	var broken []Violation
	report := func(at token.Pos, what, why string) {
		p := fset.Position(at)
		broken = append(broken, Violation{name, fmt.Sprintf("%s:%d: %s", path.Base(p.Filename), p.Line, what), why})
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" && Inits[name] == "" {
			report(f.Pos(), "has an init function", "no registration and nothing at start-up")
		}
	}
	imports := importNames(file)
	for _, s := range file.Imports {
		if s.Name != nil && s.Name.Name == "." {
			report(s.Pos(), "imports into its own scope", "a name says where it comes from")
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok {
				if why := forbidden(imports[x.Name], n.Sel.Name); why != "" {
					report(n.Pos(), "uses "+imports[x.Name]+"."+n.Sel.Name, why)
				}
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "print" || f.Name == "println") {
				report(n.Pos(), "calls "+f.Name, "a library does not speak unasked")
			}
		}
		return true
	})
	return broken
}

// importNames maps the local name of each import of a file to its path.
func importNames(file *ast.File) map[string]string {
	names := map[string]string{}
	for _, s := range file.Imports {
		p, err := strconv.Unquote(s.Path.Value)
		if err != nil {
			continue
		}
		if s.Name != nil {
			names[s.Name.Name] = p
			continue
		}
		base := path.Base(p)
		if p == "math/rand/v2" {
			base = "rand"
		}
		names[base] = p
	}
	return names
}

// forbidden returns the reason why library code must not use a name, or "".
func forbidden(importPath, name string) string {
	for _, c := range Calls {
		if c.Import != importPath {
			continue
		}
		if len(c.Names) == 0 || slices.Contains(c.Names, name) {
			return c.Why
		}
	}
	return ""
}
