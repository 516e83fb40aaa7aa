package conformance

import (
	"fmt"
	"os/exec"
	"strings"
)

// moduleDir asks the go command where a module of this build lies.
func moduleDir(path string) (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", path).Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
