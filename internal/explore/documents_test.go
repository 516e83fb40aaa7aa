package explore_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/internal/explore"
)

var update = flag.Bool("update", false, "write the documents of disclosure/model")

// TestDocuments: what the documents say is what Decide runs.
func TestDocuments(t *testing.T) {
	for name, want := range explore.Documents() {
		file := filepath.Join("..", "..", "disclosure", "model", name)
		if *update {
			require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		}
		got, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, want, string(got), "%s is stale: go generate ./disclosure", name)
	}
}
