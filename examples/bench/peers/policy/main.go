// Policy runs the engines that examples/bench puts beside package policy. It
// belongs to the module of the peers, so that nobody who uses the library has
// them in a module graph; examples/bench builds it when it is asked for one, and
// talks to it in lines of JSON on standard input and output (package lines).
//
// Each engine loads the same rules from a text in its own language, and decides
// the same requests, which lie ready in the form it wants.
//
//	opa        github.com/open-policy-agent/opa: a rule of Rego each, employer and category as equalities, which
//	           OPA indexes; a prepared query; parsed input
//	cedar-go   github.com/cedar-policy/cedar-go: a policy each, employer, action and category as its scope; it
//	           evaluates all policies
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/deeperpoint/csss/examples/bench/lines"
	"github.com/deeperpoint/csss/examples/bench/rules"
)

// engines are the peers by name.
var engines = map[string]struct {
	module string // whose version is reported
	loader rules.Loader
}{
	"opa":      {"github.com/open-policy-agent/opa", loadOPA},
	"cedar-go": {"github.com/cedar-policy/cedar-go", loadCedar},
}

func main() {
	if err := lines.Serve(os.Stdin, os.Stdout, newServer().Answer); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func newServer() *rules.Server {
	s := &rules.Server{Loaders: map[string]rules.Loader{}, Version: version}
	for name, e := range engines {
		s.Loaders[name] = e.loader
	}
	return s
}

// version returns the version of an engine's module in this program.
func version(engine string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == engines[engine].module {
			return m.Version
		}
	}
	return ""
}
