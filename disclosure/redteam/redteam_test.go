package redteam_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/redteam"
)

const k = 5

func attack(t *testing.T, flaw, name string) redteam.Score {
	t.Helper()
	by, err := redteam.Pick(name)
	require.NoError(t, err)
	scores, err := redteam.Run(t.Context(), toy{flaw: flaw, k: k}, &redteam.Options{Attackers: by, Probes: 3000, K: k})
	require.NoError(t, err)
	require.Len(t, scores, 1)
	return scores[0]
}

// On a market that keeps its promises nobody succeeds.
func TestNobodySucceedsOnASoundMarket(t *testing.T) {
	scores, err := redteam.Run(t.Context(), toy{k: k}, &redteam.Options{Probes: 3000, K: k})
	require.NoError(t, err)
	require.Len(t, scores, len(redteam.Attackers()))
	for _, s := range scores {
		assert.Zero(t, s.Violations, "%s: %v", s.Attacker, s.Notes)
		assert.Positive(t, s.Probes, s.Attacker)
		assert.Positive(t, s.Bytes, s.Attacker)
		if s.Attacker == "bisect" {
			assert.InDelta(t, 1, s.Bits, 0.01, "the first answer is a bit")
		}
	}
}

func TestTotal(t *testing.T) {
	probes, violations, broken := redteam.Total([]redteam.Score{
		{Attacker: "a", Probes: 2, Notes: []string{"nothing"}},
		{Attacker: "b", Probes: 3, Violations: 1, Notes: []string{"a name", "nothing else"}},
	})
	assert.Equal(t, 5, probes)
	assert.Equal(t, 1, violations)
	assert.Equal(t, []string{"b: a name"}, broken)
}

// Each attacker succeeds where a promise is broken.
func TestEachAttackerHasTeeth(t *testing.T) {
	bitten := map[string]bool{}
	for flaw, names := range map[string]string{
		"name in the log":   "canary",
		"name in a summary": "canary,storm",
		"echoes of others":  "storm",
		"panic":             "storm",
		"outsiders":         "storm",
		"scores":            "prober",
		"no first answer":   "bisect",
		"refusal shows":     "timing",
		"stable handles":    "collude",
		"order":             "collude",
		"listings count":    "sybil",
		"session exists":    "replay",
		"replays":           "replay",
		"peek":              "peek",
		"early":             "peek",
	} {
		for name := range strings.SplitSeq(names, ",") {
			s := attack(t, flaw, name)
			assert.Positive(t, s.Violations, "%s does not notice %q: %v", name, flaw, s.Notes)
			bitten[name] = true
		}
	}
	for _, a := range redteam.Attackers() {
		assert.True(t, bitten[a.Name], "%s has no teeth", a.Name)
		assert.NotEmpty(t, a.Claims, a.Name)
	}
}

// TestCollusionAllowsForLuck: the order of candidates is drawn at random within
// the two bands that are shown. No draw is taken for a leak, in few rounds or in
// many, and a leak is found in few.
func TestCollusionAllowsForLuck(t *testing.T) {
	by, err := redteam.Pick("collude")
	require.NoError(t, err)
	seeds := uint64(100)
	if testing.Short() {
		seeds = 8
	}
	for seed := range seeds {
		for _, probes := range []int{800, 3000} {
			o := &redteam.Options{Attackers: by, Probes: probes, K: k, Seed: seed}
			scores, err := redteam.Run(t.Context(), toy{flaw: "two bands", k: k}, o)
			require.NoError(t, err)
			assert.Zero(t, scores[0].Violations, "seed %d: %v", seed, scores[0].Notes)
		}
	}
	for _, flaw := range []string{"stable handles", "order", "scores"} {
		scores, err := redteam.Run(t.Context(), toy{flaw: flaw, k: k}, &redteam.Options{Attackers: by, Probes: 1, K: k})
		require.NoError(t, err)
		assert.Positive(t, scores[0].Violations, "%s: %v", flaw, scores[0].Notes)
	}
}

func TestSameSeedSameScore(t *testing.T) {
	a, b := attack(t, "", "storm"), attack(t, "", "storm")
	a.Seconds, b.Seconds = 0, 0
	assert.Equal(t, a, b)
}

func TestScannerFindsEveryForm(t *testing.T) {
	tokens := []string{"Zephyrine Tool & Die", "a.nyquist@zephyrine.example", "SN-4477-B", "Quay"}
	s := redteam.NewScanner(tokens)
	flip := func(text string) string { return reversed(text) }
	for form, text := range map[string]string{
		"plain":    "made by ZEPHYRINE tool & die.",
		"reversed": flip("Zephyrine Tool & Die"),
		"squeezed": "zephyrinetooldie",
		"hex":      strings.ToUpper(hex.EncodeToString([]byte("Zephyrine Tool & Die"))),
		"base64":   base64.StdEncoding.EncodeToString([]byte("Zephyrine Tool & Die")),
	} {
		hits := s.Scan([]byte("x " + text + " y"))
		require.NotEmpty(t, hits, form)
		assert.Equal(t, 0, hits[0].Token)
		assert.Equal(t, form, hits[0].Form)
	}
	for skip := range 7 {
		text := base64.URLEncoding.EncodeToString([]byte(strings.Repeat("~", skip) + tokens[1] + "?"))
		assert.NotEmpty(t, s.Scan([]byte(text)), "%d before it", skip)
	}
	assert.NotEmpty(t, s.Scan([]byte("14 Quay, ")))
	assert.Empty(t, s.Scan([]byte("quaystone unquay1")), "a short token stands alone or not at all")
	assert.Empty(t, s.Scan([]byte("Zephyrine Tool & Di")))
	assert.Empty(t, s.Scan(nil))
}

// The scanner finds in random bytes what the obvious search finds.
func TestScannerAgreesWithSearch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	token := "abababac"
	s := redteam.NewScanner([]string{token})
	found := 0
	for range 20_000 {
		text := make([]byte, 4+r.IntN(40))
		for i := range text {
			text[i] = "abcAB"[r.IntN(5)]
		}
		if r.IntN(2) == 0 && len(text) > len(token) {
			copy(text[r.IntN(len(text)-len(token)):], token)
		}
		want := bytes.Contains(bytes.ToLower(text), []byte(token))
		got := false
		for _, h := range s.Scan(text) {
			got = got || h.Form == "plain"
		}
		require.Equal(t, want, got, "%s", text)
		if got {
			found++
		}
	}
	assert.Greater(t, found, 1000)
}

func TestEntropy(t *testing.T) {
	assert.Zero(t, redteam.Entropy([]string{"a", "a", "a"}))
	assert.InDelta(t, 2, redteam.Entropy([]string{"a", "b", "c", "d"}), 1e-12)
	assert.InDelta(t, 1, redteam.Entropy([]string{"a", "a", "b", "b"}), 1e-12)
}

func TestTranscriptsKeepLinksAndLengths(t *testing.T) {
	tell := func(texts ...string) string {
		var tr redteam.Transcript
		for _, s := range texts {
			tr.Add(redteam.Answer{OK: true, Seen: []byte(s)})
		}
		return tr.String()
	}
	a, b, c := "h-00112233445566778899", "h-99887766554433221100", "h-9988776655443322110011"
	assert.Equal(t, tell("see "+a, a), tell("see "+b, b), "drawn at random")
	assert.NotEqual(t, tell(a, a), tell(a, b), "the same again is not another")
	assert.NotEqual(t, tell(a), tell(c), "lengths count")
	assert.NotEqual(t, tell("2026-09-01T09:00:00Z"), tell("2026-09-01T10:00:00Z"), "so do times")
	assert.Contains(t, redteam.Differ("one two", "one too"), "two")
	assert.Empty(t, redteam.Differ("a", "a"))
}

func TestScoresAreLinesOfJSON(t *testing.T) {
	var got map[string]any
	require.NoError(t, json.Unmarshal(redteam.Score{Attacker: "a", Bits: 1.5}.JSON(), &got))
	assert.Equal(t, "a", got["attacker"])
	require.NoError(t, json.Unmarshal(redteam.Score{Attacker: "a", Bits: math.NaN()}.JSON(), &got))
	_, err := redteam.Pick("nobody")
	assert.ErrorContains(t, err, "bisect")
}

func TestErrorsOfATargetEndTheRun(t *testing.T) {
	scores, err := redteam.Run(t.Context(), shut{}, nil)
	require.ErrorIs(t, err, errShut)
	assert.Len(t, scores, 1)
}

type shut struct{}

var errShut = errors.New("shut")

func (shut) Open(context.Context, redteam.Plant) (redteam.Market, error) { return nil, errShut }

// The informed attacker is right once in k.
func TestInformedAttacker(t *testing.T) {
	d := redteam.Directory{At: time.Date(2026, 9, 1, 9, 0, 0, 0, time.UTC)}
	for i := range 12 {
		group := fmt.Sprint("g", i)
		d.Listings = append(d.Listings, disclosure.Listing{ID: fmt.Sprint("o", i), Revision: 1, Group: group, Category: "machine.capacity", Lat: 43, Lon: -79,
			Facts: map[string][]string{"machine_type": {"cnc_lathe"}}})
		d.Viewers = append(d.Viewers, disclosure.Viewer{Group: group, Lat: 43, Lon: -79})
	}
	f, err := redteam.InformedAttacker(d, []int{3, 5}, 500, 1)
	require.NoError(t, err)
	require.Len(t, f.Points, 2)
	assert.Zero(t, f.Violations, f.Broken)
	assert.Positive(t, f.Sessions)
	for _, p := range f.Points {
		assert.GreaterOrEqual(t, p.LeastFit, p.K)
		assert.LessOrEqual(t, p.Fit, p.Bound)
	}
}

// The measurement behind the budget: within 8 questions nothing is recovered,
// and with exact scores everything is, as soon as there are as many questions as
// dimensions.
func TestBudgetBoundsRecovery(t *testing.T) {
	for _, r := range redteam.Replies() {
		assert.LessOrEqual(t, redteam.Simulate(r, 256, 8, 3, 1), 0.25, r.Name)
	}
	exact := redteam.Replies()[0]
	assert.Greater(t, redteam.Simulate(exact, 64, 128, 3, 1), 0.99)
	assert.Nil(t, redteam.Recover(nil, nil, 0))
	assert.Zero(t, redteam.Cosine(nil, nil))
}

func BenchmarkScan(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	var tokens []string
	for i := range 100 {
		f := redteam.Named(r, i)
		tokens = append(tokens, f.Tokens()...)
	}
	s := redteam.NewScanner(tokens)
	text := bytes.Repeat([]byte("csss: not this person's step h-0123456789abcdef0123 "), 20)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s.Scan(text)
	}
}

func BenchmarkRecovery(b *testing.B) {
	for _, r := range redteam.Replies() {
		b.Run(strings.ReplaceAll(r.Name, " ", "_"), func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(redteam.Simulate(r, 256, 8, 3, 1), "cosine-8")
				b.ReportMetric(redteam.Simulate(r, 256, 256, 1, 1), "cosine-256")
			}
		})
	}
}
