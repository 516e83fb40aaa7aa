package policy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

// The head of a document says America/Toronto.
func TestHoursOfAnotherZoneAreFound(t *testing.T) {
	assert.Equal(t, []string{"6:103 open other-zone"}, found(t, "rules:\n"+fmt.Sprintf(openRule, when("request.mode == 'remote' && context.now.getHours() < 18"))))
	assert.Empty(t, found(t, "rules:\n"+fmt.Sprintf(openRule, when("context.now.getHours('America/Toronto') < 18"))))
	assert.Empty(t, found(t, "rules:\n"+fmt.Sprintf(openRule, when("request.total.getHours() < 18"))))
	utc := "apiVersion: csss.policy/v1\nemployer: shop\nversion: 1\nrules:\n" + fmt.Sprintf(openRule, when("context.now.getHours() < 18"))
	set, err := policy.Compile(nil, policy.Source{Text: []byte(utc)})
	require.NoError(t, err)
	for _, f := range policy.Analyse(set) {
		assert.True(t, f.Kind.Advice(), f)
	}
}

// Hours of a named zone are those of that zone, summer time included.
func TestHoursOfANamedZone(t *testing.T) {
	set := compile(t, nil, "rules:\n"+fmt.Sprintf(openRule, "")+"  - {id: evenings, effect: forbid, when: 'context.now.getHours(\"America/Toronto\") >= 18'}\n")
	toronto, err := time.LoadLocation("America/Toronto")
	require.NoError(t, err)
	for _, month := range []time.Month{time.January, time.July} {
		for hour, want := range map[int]policy.Outcome{0: policy.Permit, 13: policy.Permit, 17: policy.Permit, 18: policy.Deny, 23: policy.Deny} {
			r := ask(policy.Match, nil)
			r.Now = time.Date(2026, month, 16, hour, 59, 0, 0, toronto)
			assert.Equal(t, want, agrees(t, set, r).Outcome, "%s %d", month, hour)
		}
	}
	assert.Equal(t, []string{"6:125: 'Toronto' is not a zone of the IANA database"},
		faults(t, head+"rules:\n"+fmt.Sprintf(openRule, when("context.now.getHours('Toronto') < 18"))))
}
