package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/policy"
)

// dealt is a folder with the second story's market, in which a session is open
// and has one approval.
func dealt(t *testing.T) (dir string, s *world.SecondShift, flags []string) {
	t.Helper()
	s = world.K3Story2()
	dir = filepath.Join(t.TempDir(), "ledger")
	x, err := csss.Open(t.Context(), csss.Config{Dir: dir, K: 3, KPeople: 3})
	require.NoError(t, err)
	_, err = x.Import(t.Context(), csss.By{ID: "market", At: world.Opening()}, s.Import())
	require.NoError(t, err)
	now := s.Registered()
	_, err = x.Register(t.Context(), s.Requester.At(now), s.Need)
	require.NoError(t, err)
	m, err := x.Match(t.Context(), s.Requester.At(now), s.Need.ID)
	require.NoError(t, err)
	require.Len(t, m.Candidates, 1)
	_, err = x.Select(t.Context(), s.Requester.At(now), m.Candidates[0].Handle)
	require.NoError(t, err)
	require.NoError(t, x.Close())
	return dir, s, []string{"-dir", dir, "-k", "3", "-k-people", "3", "-now", now.Add(time.Hour).Format(time.RFC3339)}
}

func TestPreviewShowsEveryReader(t *testing.T) {
	_, s, flags := dealt(t)
	owner := []string{"-firm", s.Vance.Firm, "-person", s.Vance.Person}
	args := append(append([]string{"preview", s.Offer}, flags...), owner...)
	code, out, errs := ctl(t, args...)
	require.Zero(t, code, errs)
	for _, want := range []string{"A stranger sees (k = 4", "An approver on the other side decides on (k = 4", "A partner reads after the reveal (k = 1",
		"Steelcrest Precision", "R. Vance", "capacity-v1", "$120.00/h"} {
		assert.Contains(t, out, want)
	}
	stranger, partner, _ := strings.Cut(out, "A partner reads")
	for _, c := range s.Canaries() {
		if c.Firm == s.Vance.Firm {
			assert.NotContains(t, strings.ToLower(stranger), strings.ToLower(c.Token), "a stranger or an approver would read it")
		}
	}
	assert.NotContains(t, partner, "9500", "the floor is nobody's")

	code, out, errs = ctl(t, append(args, "-json")...)
	require.Zero(t, code, errs)
	var got previewed
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	assert.True(t, got.OK)
	require.Len(t, got.Readers, 3)
	for i, reader := range []string{"stranger", "approver", "partner"} {
		assert.Equal(t, reader, got.Readers[i].Reader)
	}

	code, out, errs = ctl(t, append(args, "-lang", "fr")...)
	require.Zero(t, code, errs)
	for _, want := range []string{"Un inconnu voit (k = 4", "Qui approuve de l'autre côté décide sur (k = 4", "Un partenaire lit après la révélation (k = 1", "120,00 $/h"} {
		assert.Contains(t, out, want)
	}

	code, _, _ = ctl(t, append(append([]string{"preview", s.Offer}, flags...), "-firm", s.Requester.Firm, "-person", s.Requester.Person)...)
	assert.Equal(t, 2, code, "nobody previews another firm's offer")
}

func TestPreviewTellsWhatIsTooRare(t *testing.T) {
	dir, s, _ := dealt(t)
	code, out, errs := ctl(t, "preview", s.Offer, "-dir", dir, "-k", "50", "-firm", s.Vance.Firm, "-person", s.Vance.Person)
	require.Zero(t, code, errs)
	assert.Contains(t, out, "A stranger sees nothing")
	assert.Contains(t, out, "asked nothing before you consent")
}

func TestPreviewOfTheStories(t *testing.T) {
	code, out, errs := ctl(t, "preview", "-story", world.Story2().Offer)
	require.Zero(t, code, errs)
	assert.Contains(t, out, "Steelcrest Precision")
}

// rulesOf writes the rules of a firm of the story to files: those in force, and
// with one thing replaced.
func rulesOf(t *testing.T, s *world.SecondShift, old, with string) (before, after string) {
	t.Helper()
	before, after = filepath.Join(t.TempDir(), "old.yaml"), filepath.Join(t.TempDir(), "new.yaml")
	for _, p := range s.Policies {
		if p.Firm == s.Vance.Firm {
			require.Contains(t, string(p.Text), old)
			require.NoError(t, os.WriteFile(before, p.Text, 0o600))
			text := strings.ReplaceAll(strings.ReplaceAll(string(p.Text), old, with), "version: 7", "version: 8")
			require.NoError(t, os.WriteFile(after, []byte(text), 0o600))
		}
	}
	return before, after
}

func TestDiffListsWhatTheMarketWouldDecideOtherwise(t *testing.T) {
	dir, s, flags := dealt(t)
	old, dearer := rulesOf(t, s, ">= 9500", ">= 15500")
	read := func() map[string][]byte {
		files := map[string][]byte{}
		require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				files[path], err = os.ReadFile(path)
			}
			return err
		}))
		return files
	}
	before := read()
	code, out, errs := ctl(t, append([]string{"diff", old, dearer}, flags...)...)
	require.Equal(t, 1, code, errs)
	assert.Contains(t, out, "What may decide differently:")
	assert.Contains(t, out, "Decided differently: 2 of ")
	assert.Contains(t, out, "offer "+s.Offer+" (machine.capacity.shift2): permitted → denied")
	assert.Contains(t, out, "needs approval → denied\n    – your rule shift2-sell needs at least $155.00/h\n")
	assert.NotContains(t, out, "95.00", "nor what the offer asks")
	assert.Equal(t, before, read(), "the folder is only read")

	code, out, errs = ctl(t, append([]string{"diff", old, dearer, "-lang", "fr"}, flags...)...)
	require.Equal(t, 1, code, errs)
	assert.Contains(t, out, "votre règle shift2-sell exige au moins 155,00 $/h")

	code, out, errs = ctl(t, append([]string{"diff", old, dearer, "-json"}, flags...)...)
	require.Equal(t, 1, code, errs)
	var got compared
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	assert.False(t, got.OK)
	require.Len(t, got.Market.List, 2)
	assert.Equal(t, csss.SessionEffect, got.Market.List[1].Kind)
	assert.NotEmpty(t, got.Market.List[1].Text)

	explain := append([]string{"explain", "-employer", s.Vance.Firm, "-thing", got.Market.List[1].ID}, flags...)
	code, out, errs = ctl(t, append(explain, "-expect", "require_approval")...)
	require.Zero(t, code, errs)
	assert.Contains(t, out, "Needs approval under your rule shift2-sell:\n  – shift2-release: 1 of operations_director, owner must agree; 0 so far")
	code, out, errs = ctl(t, append(explain, "-json", "-expect", "permit")...)
	assert.Equal(t, 1, code, errs)
	var why explained
	require.NoError(t, json.Unmarshal([]byte(out), &why))
	assert.False(t, why.OK)
	assert.Equal(t, policy.RequireApproval, why.Outcome)
	assert.Equal(t, policy.Reveal, why.Action)
	code, _, errs = ctl(t, append([]string{"explain", "testdata/request.json", "-employer", "nobody"}, flags...)...)
	assert.Equal(t, 2, code)
	assert.Contains(t, errs, "nobody is not in the market")

	_, same := rulesOf(t, s, "need: 1, expires: 72h", "need: 1, expires: 96h")
	code, out, errs = ctl(t, append([]string{"diff", old, same}, flags...)...)
	require.Equal(t, 1, code, errs)
	assert.Contains(t, out, "Decided differently: 0 of 2 things in the market.\n")

	code, _, errs = ctl(t, append([]string{"diff", dearer, old}, flags...)...)
	assert.Equal(t, 2, code)
	assert.Contains(t, errs, "is not what is in force, which is version 7")
}

func TestDiffWorksBesideAWriter(t *testing.T) {
	dir, s, flags := dealt(t)
	x, err := csss.Open(t.Context(), csss.Config{Dir: dir, K: 3, KPeople: 3})
	require.NoError(t, err)
	defer x.Close()
	old, dearer := rulesOf(t, s, ">= 9500", ">= 15500")
	code, out, errs := ctl(t, append([]string{"diff", old, dearer}, flags...)...)
	require.Equal(t, 1, code, errs)
	assert.Contains(t, out, "Decided differently: 2 of ")
}
