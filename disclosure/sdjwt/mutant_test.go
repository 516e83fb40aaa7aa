package sdjwt_test

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A guard is a line of the package that ends in a comment with its name.
var (
	guard     = regexp.MustCompile(`(?m)^(.*)// check: (.*)$`)
	condition = regexp.MustCompile(`^(\t+)((?:\} else )?if (?:.*; )?|case )(.*)( \{|:) $`)
)

// sources returns the package's files, tests left out.
func sources(t *testing.T) []string {
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	return slices.DeleteFunc(names, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
}

func TestEveryCheckIsForgedAgainst(t *testing.T) {
	var checks, forged []string
	for _, name := range sources(t) {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, match := range guard.FindAllSubmatch(text, -1) {
			checks = append(checks, string(match[2]))
		}
	}
	for _, r := range refusals {
		forged = append(forged, r.check)
	}
	slices.Sort(checks)
	slices.Sort(forged)
	assert.Equal(t, checks, slices.Compact(forged), "each check has one name and at least one forgery")
}

// Each check is switched off in turn, in a copy of the package, and then some forgery against it must get through. A
// check that another one makes needless would be found here, too.
func TestMutantsAreKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the package")
	}
	program, checks := mutable(t)
	for _, check := range checks {
		pattern := "^TestRefusals$/^" + regexp.QuoteMeta(strings.ReplaceAll(check, " ", "_")) + "(#[0-9]+)?$"
		out, err := runWithout(t, program, check, pattern)
		assert.Error(t, err, "nothing notices that %q is missing", check)
		assert.Contains(t, out, "--- FAIL: TestRefusals", "%s", check)
		assert.NotContains(t, out, "panic:", "%s", check)
	}
	out, err := runWithout(t, program, "", "^TestRefusals$")
	assert.NoError(t, err, "%s", out)
}

func runWithout(t *testing.T, program, check, pattern string) (string, error) {
	cmd := exec.CommandContext(t.Context(), program, "-test.short", "-test.run", pattern)
	cmd.Env = append(os.Environ(), "WITHOUT_CHECK="+check)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// mutable compiles the tests with a package whose checks ask whether they are wanted.
func mutable(t *testing.T) (program string, checks []string) {
	dir := t.TempDir()
	here, err := filepath.Abs(".")
	require.NoError(t, err)
	overlay := map[string]string{filepath.Join(here, "wanted.go"): filepath.Join(dir, "wanted.go")}
	const wanted = "package sdjwt\n\nimport \"os\"\n\nfunc wanted(check string) bool { return os.Getenv(\"WITHOUT_CHECK\") != check }\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "wanted.go"), []byte(wanted), 0o600))
	for _, name := range sources(t) {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		changed := guard.ReplaceAllStringFunc(string(text), func(line string) string {
			match := guard.FindStringSubmatch(line)
			parts := condition.FindStringSubmatch(match[1])
			require.NotNil(t, parts, "%s: a check has the form of if or case: %s", name, line)
			checks = append(checks, match[2])
			return fmt.Sprintf("%s%swanted(%q) && (%s)%s", parts[1], parts[2], match[2], parts[3], parts[4])
		})
		_, err = parser.ParseFile(token.NewFileSet(), name, changed, 0)
		require.NoError(t, err)
		overlay[filepath.Join(here, name)] = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(changed), 0o600))
	}
	list, err := json.Marshal(map[string]any{"Replace": overlay})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), list, 0o600))
	program = filepath.Join(dir, "mutable.test")
	cmd := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-c", "-o", program, "-overlay", filepath.Join(dir, "overlay.json"), ".")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program, checks
}
