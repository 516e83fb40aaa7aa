package terms_test

import (
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure/terms"
)

// fiftyHours are the parameters of a capacity engagement, without the optional ones.
func fiftyHours() map[string]string {
	return map[string]string{
		"category": "machine.capacity.shift2", "kind": "machine_capacity", "mode": "on_site",
		"hours": "50 h", "rate": "120.00", "currency": "CAD",
	}
}

// eightWeeks are the parameters of a weekly engagement.
func eightWeeks() map[string]string {
	p := fiftyHours()
	p["hours"], p["weeks"], p["per_week"] = "32 h", "8", "4 h"
	return p
}

func fill(t testing.TB, tmpl terms.Template, params map[string]string) terms.Document {
	t.Helper()
	d, err := terms.Fill(tmpl, params)
	require.NoError(t, err)
	return d
}

// The digests of released terms. A change of any word needs a new Version, or a
// new ID where it gives or takes a right, and with it a new row: the digests of
// a row are never edited under the same name.
func TestDigestsOfReleasedTermsDoNotChange(t *testing.T) {
	golden := map[string][2]string{ // ID@Version → digest without and with the optional parameters
		"consult-v1@1.0.0":  {"65f9708a0fc8df32f41be8ffb9c3a516382cc1cc661fc1793d4cecf8004a4e0c", "3cd3a6d02eeb41eb2dbfe50ada9ccf50df5af500ecbe549590eb269521d62330"},
		"capacity-v1@1.0.0": {"ee0e736d37f7eb8ddf6db1f07139806b2bb424b617852fd5cb3a515d33d1d333", "a92ca1c960b4402c59d21201d15e85348f89c902adbb4edf656351f439f2f43d"},
		"guidance-v1@1.0.0": {"ffb4ce7f69942d0c6e3dc959c9df23573f847c3bbed60457dc71dd7a3a89d8fb", "b0df0b40a87b921fc0bfd35c2f755bd6bc7901e7ed55551d4dcaae03857bbdf0"},
	}
	for _, tmpl := range terms.Standard() {
		want, ok := golden[tmpl.ID+"@"+tmpl.Version]
		require.True(t, ok, "no digest of %s@%s", tmpl.ID, tmpl.Version)
		for i, params := range []map[string]string{fiftyHours(), eightWeeks()} {
			digest := fill(t, tmpl, params).Digest()
			assert.Equal(t, want[i], hex.EncodeToString(digest[:]), "%s, parameters %d", tmpl.ID, i)
		}
	}
}

func TestStandardTemplatesAreValid(t *testing.T) {
	ids := map[string]bool{}
	for _, tmpl := range terms.Standard() {
		require.NoError(t, tmpl.Validate())
		assert.Regexp(t, `^[a-z]+-v[1-9]$`, tmpl.ID)
		assert.Regexp(t, `^\d+\.\d+\.\d+$`, tmpl.Version)
		assert.False(t, ids[tmpl.ID], tmpl.ID)
		ids[tmpl.ID] = true
	}
	assert.Equal(t, []string{"capacity-v1", "consult-v1", "guidance-v1"}, slices.Sorted(maps.Keys(ids)))
}

// A rule that protects an employer, or that the founding text asks for, is in
// every standard document, and says the words that make it that rule.
func TestEveryStandardDocumentProtectsBothEmployers(t *testing.T) {
	rules := []struct{ clause, says, why string }{
		{"parties", `stay employed by their own firm`, "sides and term"},
		{"scope", `category machine\.capacity\.shift2`, "what is shared"},
		{"hours-cap", `At most 50 h`, "hours cap"},
		{"price", `120\.00 CAD for each hour`, "price"},
		{"payment", `pays the Provider directly within 30 days`, "payment, without the market"},
		{"acceptance", `accepted`, "acceptance"},
		{"quality", `usual in the trade|under the certifications`, "quality"},
		{"confidentiality", `told to nobody`, "confidentiality"},
		{"ip", `Each side keeps what it had before`, "IP ownership"},
		{"non-solicitation", `neither side solicits a person of the other side`, "non-solicitation of staff"},
		{"conflict", `competitor`, "conflict of interest"},
		{"liability", `at most the total price`, "liability cap"},
		{"insurance", `liability insurance`, "insurance"},
		{"termination", `pays for the time worked until then`, "termination with pay-for-time"},
		{"termination", `rules of either employer no longer allow`, "a change of rules ends it with notice, never silently"},
		{"dispute", `mediation`, "dispute"},
		{"custody", `never holds or moves money`, "no custody of money"},
	}
	for _, tmpl := range terms.Standard() {
		text := map[string]string{}
		for _, c := range fill(t, tmpl, fiftyHours()).Clauses {
			text[c.ID] = c.Text
		}
		for _, r := range rules {
			assert.Regexp(t, r.says, text[r.clause], "%s: %s", tmpl.ID, r.why)
		}
	}
}

// The sections of a capacity subcontract agreement that are about making parts.
func TestCapacityHasTheSectionsOfASubcontract(t *testing.T) {
	ids := clauseIDs(fill(t, standard("capacity-v1"), fiftyHours()))
	for _, id := range []string{"specification", "schedule", "quality", "materials", "warranty", "facilitators"} {
		assert.Contains(t, ids, id)
	}
}

func TestEveryParameterIsInTheText(t *testing.T) {
	for _, tmpl := range terms.Standard() {
		var all strings.Builder
		for _, c := range tmpl.Clauses {
			all.WriteString(c.Text)
		}
		for _, p := range tmpl.Params {
			assert.Contains(t, all.String(), "{{"+p.Name+"}}", tmpl.ID)
		}
	}
}

func TestFilledTextHasNoBlanks(t *testing.T) {
	blank := regexp.MustCompile(`[{}]`)
	for _, tmpl := range terms.Standard() {
		for _, params := range []map[string]string{fiftyHours(), eightWeeks()} {
			for _, c := range fill(t, tmpl, params).Clauses {
				assert.NotRegexp(t, blank, c.Text, "%s %s", tmpl.ID, c.ID)
			}
		}
	}
}

func TestStandardReturnsACopy(t *testing.T) {
	spoilt := terms.Standard()
	for i := range spoilt {
		spoilt[i].Clauses[0].Text = "spoilt"
		spoilt[i].Params[0].Required = false
	}
	for _, tmpl := range terms.Standard() {
		assert.NotEqual(t, "spoilt", tmpl.Clauses[0].Text)
		assert.True(t, tmpl.Params[0].Required)
	}
}

func standard(id string) terms.Template {
	all := terms.Standard()
	return all[slices.IndexFunc(all, func(t terms.Template) bool { return t.ID == id })]
}
