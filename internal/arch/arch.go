// Package arch states the project's import rules as tables, each row with its reason, and checks a listing of
// packages against them. Its test lists the module with the go command and walks every table, so a package that
// reaches further than it may, a package without a row, and a row without a package all fail.
//
// The rules in a sentence: five leaves that know nothing of each other, one trunk that knows all five, each
// dependency reached by the one package that exists for it, and no library code that reads its surroundings or
// speaks unasked.
package arch

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Module is the path that all relative names in the tables are relative to; "." is the root package.
const Module = "github.com/deeperpoint/csss"

// Row says what one package may import, in its non-test files. Names are relative to Module where they begin
// with "./" or are ".", and module paths of dependencies otherwise; the standard library is always allowed, but see
// Guarded.
type Row struct {
	Package string // relative, or a pattern of package path.Match
	Imports []string
	Why     string
}

// Rows is the first table. Every package of the module has exactly one row and every row at least one package, so
// what a package reaches through others is bounded by their rows.
var Rows = []Row{
	{".", []string{"./match", "./match/market", "./embed", "./embed/lexical", "./policy", "./disclosure", "./disclosure/terms", "./disclosure/envelope", "./disclosure/sdjwt", "./ledger", "golang.org/x/text"},
		"the trunk is the only place that knows all five leaves; x/text folds names before they are redacted"},

	{"./match", []string{"./match/hnsw", "./match/market", "github.com/RoaringBitmap/roaring/v2", "github.com/teambition/rrule-go", "golang.org/x/text"},
		"a leaf; hnsw is its default index, roaring its filters, rrule its recurring windows"},
	{"./match/hnsw", []string{"./internal/simd", "github.com/RoaringBitmap/roaring/v2"},
		"importable alone: an index knows nothing of offers and needs"},
	{"./match/matchtest", []string{"./match", "github.com/RoaringBitmap/roaring/v2"}, "the suite of its VectorIndex"},
	{"./match/market", nil, "prices and trust are arithmetic"},

	{"./embed", nil, "the seam costs an importer nothing"},
	{"./embed/embedtest", []string{"./embed"}, "the suite of the seam"},
	{"./embed/lexical", []string{"./embed", "golang.org/x/text"}, "an implementation knows the seam and normalises text"},

	{"./policy", []string{"./policy/internal/expr", "./policy/internal/solve", "go.yaml.in/yaml/v3", "golang.org/x/text"}, "a leaf; the only package that knows the form rules are written in; x/text tells names that only look alike"},
	{"./policy/internal/expr", []string{"./policy/internal/solve", "cel.dev/cel-go"}, "the only package that knows the rule language"},
	{"./policy/internal/solve", nil, "proofs about conditions know neither their language nor their documents"},
	{"./policy/policytest", []string{"./policy"}, "runs rule tests against the package's own API"},

	{"./disclosure", nil, "a leaf whose guards must be readable without any other source"},
	{"./disclosure/disclosuretest", []string{"./disclosure"}, "the suite of its seams"},
	{"./disclosure/envelope", []string{"./disclosure"}, "seals what its parent keeps closed, by the standard library's HPKE"},
	{"./disclosure/terms", nil, "terms are hashed text"},
	{"./disclosure/sdjwt", []string{"./disclosure"}, "tokens are signed text; the parent names the digest that is logged"},
	{"./disclosure/redteam", []string{"./disclosure"}, "attackers know a market by what it answers"},

	{"./ledger", []string{"./ledger/internal/checkpoint", "./ledger/internal/merkle", "./ledger/internal/table", "./ledger/internal/snapshot", "./ledger/internal/vfs", "golang.org/x/mod", "github.com/transparency-dev/formats"}, "a leaf; trees, notes and checkpoints are other people's formats"},
	{"./ledger/internal/checkpoint", []string{"golang.org/x/mod", "github.com/transparency-dev/formats"}, "the one strict reader of signed texts"},
	{"./ledger/witness", []string{"./ledger/internal/checkpoint", "golang.org/x/mod"}, "knows a log by its checkpoints alone"},
	{"./ledger/tiles", []string{"./ledger/internal/checkpoint", "golang.org/x/mod"}, "knows a log by its public formats alone"},
	{"./ledger/internal/merkle", []string{"golang.org/x/mod"}, "a tree speaks the hashes of sumdb/tlog and nothing else"},
	{"./ledger/internal/table", nil, "an index is memory and bytes"},
	{"./ledger/internal/snapshot", nil, "a container knows nothing of what it contains"},
	{"./ledger/internal/vfs", nil, "the file system as a log sees it"},
	{"./ledger/internal/vfs/crashfs", []string{"./ledger/internal/vfs"}, "a file system that loses power, for tests"},
	{"./ledger/ledgertest", []string{"./ledger"}, "the suite of its Store"},

	{"./internal/arch", nil, "reads what the go command lists"},
	{"./internal/explore", []string{"./disclosure", "./disclosure/disclosuretest"}, "walks the machine through its own API"},
	{"./internal/beir", nil, "reads files and counts"},
	{"./internal/simd", []string{"github.com/viterin/vek", "golang.org/x/sys"}, "kernels; x/sys tells what the processor can"},
	{"./internal/world", []string{".", "./match", "./policy", "./disclosure", "./disclosure/terms", "./ledger", "./embed", "./embed/lexical"},
		"a synthetic market is played through the public API"},
	{"./internal/attack", []string{"./match", "./disclosure", "./disclosure/redteam", "./internal/world"}, "draws up a market's directory for the attacker who knows it"},
	{"./internal/target", []string{".", "./match", "./disclosure", "./disclosure/redteam", "./embed", "./embed/lexical", "./internal/world"}, "plays attackers' moves on an exchange"},
	{"./internal/teller", []string{".", "./match", "./internal/world"}, "what the examples share"},
	{"./examples/bench/load", nil, "what the engines of a benchmark share knows none of them"},
	{"./examples/bench/lines", nil, "a question and an answer, whatever they are"},
	{"./examples/bench/rules", nil, "what the engines of a benchmark share knows none of them"},
	{"./examples/bench/vecfile", nil, "reads other people's formats, and nothing else"},
	{"./examples/bench/vecset", []string{"./examples/bench/vecfile", "./internal/simd"}, "vectors and their true neighbours know no index"},
	{"./examples/bench/curve", nil, "points are numbers"},
	{"./examples/bench/celgo", []string{"./examples/bench/rules", "cel.dev/cel-go"}, "cel-go as it is, beside which the policy engine is measured"},
	{"./examples/bench", []string{"./examples/bench/load", "./examples/bench/lines", "./examples/bench/rules", "./examples/bench/celgo", "./examples/bench/vecfile", "./examples/bench/vecset", "./examples/bench/curve", "./match/hnsw", "./internal/simd", "github.com/RoaringBitmap/roaring/v2", "./disclosure", "./disclosure/disclosuretest", "./disclosure/redteam", "./disclosure/sdjwt", "./internal/explore", "./internal/attack", "./internal/target", "./internal/world", "./ledger", "./ledger/tiles", "./policy"}, "measures what users use"},
	{"./examples/internal/cli", nil, "a frame knows no program"},
	{"./examples/ledgerctl", []string{"./examples/internal/cli", "./ledger", "./ledger/tiles", "./ledger/witness"}, "looks after a log from outside the program that writes it"},
	{"./examples/policyctl", []string{".", "./examples/internal/cli", "./policy", "./policy/policytest", "./disclosure", "./ledger", "./internal/world", "golang.org/x/text"}, "shows an operations director what the rules and the market say"},
	{"./examples/redteam", []string{"./disclosure/redteam", "./internal/target"}, "lets attackers loose on the library's own exchange"},
	{"./examples/*", []string{".", "./match", "./match/hnsw", "./match/market", "./embed", "./embed/lexical", "./policy", "./disclosure", "./disclosure/sdjwt", "./disclosure/terms", "./ledger", "./ledger/tiles", "./internal/beir", "./internal/world", "./internal/teller"},
		"examples use what users use, and the readers of test sets"},
}

// Owner says which packages may import a dependency, in non-test files.
type Owner struct {
	Module   string
	Packages []string // relative; none means tests only
	Why      string
}

// Owners is the second table. It says little that Rows does not, but from the side of the dependency, and it is
// what a new row of Rows has to agree with. An owner that does not exist yet is no error.
var Owners = []Owner{
	{"cel.dev/cel-go", []string{"./policy/internal/expr", "./examples/bench/celgo"}, "no CEL type is exported, so the language can be replaced; the benchmark measures against it"},
	{"go.yaml.in/yaml/v3", []string{"./policy"}, "rule documents alone are YAML"},
	{"github.com/viterin/vek", []string{"./internal/simd"}, "each kernel has its twin there"},
	{"github.com/coder/hnsw", []string{"./match/coderhnsw"}, "the second index is chosen, never inherited"},
	{"golang.org/x/mod", []string{"./ledger", "./ledger/internal/checkpoint", "./ledger/internal/merkle", "./ledger/tiles", "./ledger/witness"}, "sumdb/tlog and sumdb/note"},
	{"github.com/transparency-dev/formats", []string{"./ledger", "./ledger/internal/checkpoint"}, "checkpoints"},
	{"github.com/teambition/rrule-go", []string{"./match"}, "recurring windows"},
	{"github.com/RoaringBitmap/roaring/v2", []string{"./match", "./match/hnsw", "./match/matchtest", "./match/coderhnsw", "./examples/bench"}, "attribute sets and filters"},
	{"golang.org/x/text", []string{".", "./match", "./embed/lexical", "./policy", "./examples/policyctl"}, "normalisation; the decimals of a currency"},
	{"github.com/stretchr", nil, "a helper of tests must not reach programs"},
	{"pgregory.net/rapid", nil, "as above"},
	{"github.com/anishathalye/porcupine", nil, "as above"},
}

// Ban says which modules a package must not reach through anybody.
type Ban struct {
	Package string // relative
	Modules []string
	Why     string
}

// Bans is the third table, walked over everything a package depends on, directly or not.
var Bans = []Ban{
	{"./match", []string{"cel.dev/cel-go", "cel.dev/expr", "google.golang.org/protobuf", "go.yaml.in/yaml/v3", "golang.org/x/mod"},
		"who imports the matcher pays for no rule language and no log"},
	{"./ledger", []string{"cel.dev/cel-go", "google.golang.org/protobuf", "go.yaml.in/yaml/v3", "github.com/RoaringBitmap/roaring/v2", "github.com/viterin/vek"},
		"a verifier is small"},
	{"./policy", []string{"github.com/RoaringBitmap/roaring/v2", "github.com/viterin/vek", "golang.org/x/mod"},
		"a policy engine has no index and no log"},
	{"./disclosure", []string{"cel.dev/cel-go", "google.golang.org/protobuf", "go.yaml.in/yaml/v3", "golang.org/x/mod", "golang.org/x/text"},
		"its guards depend on the standard library alone"},
	{"./embed/lexical", []string{"cel.dev/cel-go", "google.golang.org/protobuf", "go.yaml.in/yaml/v3", "github.com/viterin/vek"},
		"a hash needs no machinery"},
}

// Guard says which packages may import a package of the standard library, in non-test files.
type Guard struct {
	Import   string
	Packages []string // relative, or a pattern of package path.Match
	Why      string
}

// Guarded is the fourth table.
var Guarded = []Guard{
	{"C", nil, "no cgo in the core"},
	{"net", []string{"./examples/ledgerctl"}, "no network by default; ledgerctl serve listens where it is told"},
	{"net/http", []string{"./embed/openai", "./ledger/tiles", "./ledger/witness", "./examples/ledgerctl"}, "no network by default; the client of an endpoint is asked for by name, a handler is mounted by the host"},
	{"os/exec", []string{"./examples/*"}, "a library starts no program"},
	{"plugin", nil, "nothing is loaded that was not linked"},
	{"unsafe", []string{"./internal/simd", "./match/hnsw"}, "memory is reinterpreted where vectors lie and nowhere else"},
	{"expvar", nil, "no global state, and it imports net/http"},
}

// Package is what the checks need to know of one package.
type Package struct {
	Path    string   // full import path
	Imports []string // full import paths in non-test files, whatever their build constraints
	Modules []string // module paths of everything it depends on, in its non-test files
}

// Violation is one rule broken.
type Violation struct {
	Package string // relative
	What    string
	Why     string // the reason of the rule
}

// String prints "package: what (why)".
func (v Violation) String() string { return fmt.Sprintf("%s: %s (%s)", v.Package, v.What, v.Why) }

// Relative returns the name of a package of the module as the tables write it, and any other path unchanged.
func Relative(importPath string) string {
	if importPath == Module {
		return "."
	}
	if rest, ok := strings.CutPrefix(importPath, Module+"/"); ok {
		return "./" + rest
	}
	return importPath
}

// Check walks Rows, Owners, Bans and Guarded over all packages of the module and returns what breaks them, in the
// order of the packages.
func Check(packages []Package) []Violation {
	var broken []Violation
	used := map[string]bool{}
	for _, p := range packages {
		broken = append(broken, checkRow(p, used)...)
		broken = append(broken, checkOwners(p)...)
		broken = append(broken, checkBans(p)...)
		broken = append(broken, checkGuarded(p)...)
	}
	for _, row := range Rows {
		if !used[row.Package] {
			broken = append(broken, Violation{row.Package, "has a row and does not exist", "a table that names nothing says nothing"})
		}
	}
	return broken
}

func checkRow(p Package, used map[string]bool) (broken []Violation) {
	name := Relative(p.Path)
	at := slices.IndexFunc(Rows, func(r Row) bool { return matches(r.Package, name) })
	if at < 0 {
		return []Violation{{name, "has no row", "every package says what it may reach, and why"}}
	}
	row := Rows[at]
	used[row.Package] = true
	for _, i := range p.Imports {
		if !standard(i) && !slices.ContainsFunc(row.Imports, func(allowed string) bool { return within(Relative(i), allowed) }) {
			broken = append(broken, Violation{name, "imports " + Relative(i), row.Why})
		}
	}
	return broken
}

func checkOwners(p Package) (broken []Violation) {
	name := Relative(p.Path)
	for _, o := range Owners {
		if slices.Contains(o.Packages, name) {
			continue
		}
		for _, i := range p.Imports {
			if within(i, o.Module) {
				broken = append(broken, Violation{name, "imports " + i, o.Why})
			}
		}
	}
	return broken
}

func checkBans(p Package) (broken []Violation) {
	name := Relative(p.Path)
	for _, b := range Bans {
		if b.Package != name {
			continue
		}
		for _, m := range p.Modules {
			if slices.Contains(b.Modules, m) {
				broken = append(broken, Violation{name, "reaches " + m, b.Why})
			}
		}
	}
	return broken
}

func checkGuarded(p Package) (broken []Violation) {
	name := Relative(p.Path)
	for _, g := range Guarded {
		allowed := slices.ContainsFunc(g.Packages, func(pattern string) bool { return matches(pattern, name) })
		if !allowed && slices.Contains(p.Imports, g.Import) {
			broken = append(broken, Violation{name, "imports " + g.Import, g.Why})
		}
	}
	return broken
}

// matches reports whether a relative name is what a pattern means.
func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// within reports whether an import is what a row allows: the package itself if it is one of ours, any package of
// the module if it is a dependency.
func within(name, allowed string) bool {
	if strings.HasPrefix(allowed, ".") {
		return name == allowed
	}
	return name == allowed || strings.HasPrefix(name, allowed+"/")
}

// standard reports whether an import path is the standard library's: its first element has no dot.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}
