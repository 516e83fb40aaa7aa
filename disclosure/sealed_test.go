package disclosure_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
)

const canary = "Holloway Tool"

func TestSealedTypesTellNothing(t *testing.T) {
	id := disclosure.NewIdentity(disclosure.IdentityData{LegalName: canary, Email: canary, Site: canary})
	price := disclosure.Seal(canary)
	wrapped := struct {
		Name string
		ID   disclosure.Identity
		Ptr  *disclosure.Identity
		More []disclosure.Sealed[string]
	}{"x", id, &id, []disclosure.Sealed[string]{price}}
	for _, v := range []any{id, &id, price, &price, wrapped, map[string]any{"k": id}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%q", "%x", "%t"} {
			assert.NotContains(t, fmt.Sprintf(verb, v), canary, verb)
		}
		data, err := json.Marshal(v)
		require.NoError(t, err)
		assert.Contains(t, string(data), `"sealed"`)
		assert.NotContains(t, string(data), canary)
		var out bytes.Buffer
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		assert.NotContains(t, out.String(), canary)
		assert.NotContains(t, fmt.Errorf("failed: %v", v).Error(), canary)
		var g bytes.Buffer
		_ = gob.NewEncoder(&g).Encode(v)
		assert.NotContains(t, g.String(), canary)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
		assert.Equal(t, "sealed", fmt.Sprintf(verb, id))
		assert.Equal(t, "sealed", fmt.Sprintf(verb, price))
	}
	assert.Equal(t, "sealed", id.String())
	assert.Equal(t, "sealed", id.GoString())
	assert.Equal(t, canary, id.Open().LegalName)
	assert.Equal(t, canary, price.Open())

	var back disclosure.Identity
	err := json.Unmarshal([]byte(`"sealed"`), &back)
	assert.True(t, errors.Is(err, disclosure.ErrSealed))
}
