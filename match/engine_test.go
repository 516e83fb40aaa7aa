package match_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deeperpoint/csss/match"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSearchFindsExactlyTheSecondShift(t *testing.T) {
	offers := []match.Offer{steelcrest()}
	for _, gate := range sortedKeys(decoys()) {
		offers = append(offers, decoys()[gate])
	}
	for name, e := range map[string]match.Embedder{"words": nil, "vectors": trigrams{}} {
		t.Run(name, func(t *testing.T) {
			m := newMatcher(t, e, offers...)
			n := gridline()
			res, err := m.Search(t.Context(), &match.Query{Need: &n, Now: autumn, Median: median(12000), WantRejected: true})
			require.NoError(t, err)
			require.Equal(t, []string{"steelcrest"}, ids(res.Candidates))
			c := res.Candidates[0]
			assert.Equal(t, match.High, c.Tier)
			assert.Equal(t, match.OnSite, c.Mode)
			assert.InDelta(t, 37.8, c.DistanceKM, 0.05)
			assert.Equal(t, hours(50), c.Plan.Amount)
			assert.Equal(t, []string{"covers the hours asked for", "machine_type 5_axis_machining_center", "material ti_6al_4v",
				"tolerance at most 0.01 mm", "envelope_x at least 420 mm", "envelope_y at least 300 mm", "envelope_z at least 180 mm",
				"AS9100D valid through the work"}, c.Rationale)
			var rejected []string
			for _, r := range res.Rejected {
				assert.Equal(t, "decoy-"+strings.Join(failed(r.Gates), " "), r.Offer)
				rejected = append(rejected, r.Offer)
			}
			assert.Len(t, rejected, 6)
			assert.True(t, slices.IsSorted(rejected))
			assert.Equal(t, 1, res.Feasible)
		})
	}
}

func TestHoldsAreCountedInTheSearch(t *testing.T) {
	m := newMatcher(t, nil, steelcrest())
	o, big, n := steelcrest(), gridline(), gridline()
	big.Quantity.Value, big.Partial = hours(340), true
	b := match.NewBook()
	place(t, b, "big", o, big)
	res, err := m.Search(t.Context(), &match.Query{Need: &n, Now: autumn, Book: b, WantRejected: true})
	require.NoError(t, err)
	assert.Empty(t, res.Candidates)
	require.Len(t, res.Rejected, 1)
	assert.Equal(t, []string{"quantity"}, failed(res.Rejected[0].Gates))
}

// TestW1GatesRunDuringTheSearch: a thousand infeasible offers have the need's
// very words; the one that fits has hardly any of them.
func TestW1GatesRunDuringTheSearch(t *testing.T) {
	n := gridline()
	n.Requires, n.Credentials = nil, nil
	var offers []match.Offer
	for i := range 1000 {
		o := steelcrest()
		o.ID, o.Firm, o.Text, o.Site = fmt.Sprintf("far-%d", i), fmt.Sprintf("firm-%d", i), n.Text, towns["Windsor"]
		o.Windows[0].RRule, o.Windows[0].Except = "FREQ=DAILY;COUNT=7", nil
		offers = append(offers, o)
	}
	near := steelcrest()
	near.Text = "machining"
	offers = append(offers, near)
	m, err := match.New(trigrams{}, &match.Options{Depth: 5})
	require.NoError(t, err)
	require.NoError(t, m.Upsert(t.Context(), offers...))
	res, err := m.Search(t.Context(), &match.Query{Need: &n, K: 1, Now: autumn})
	require.NoError(t, err)
	assert.Equal(t, []string{"steelcrest"}, ids(res.Candidates))
}

// TestW2MoreThanAskedNeverLowersAScore: 80 h for 50 h, and extra credentials.
func TestW2MoreThanAskedNeverLowersAScore(t *testing.T) {
	n := gridline()
	score := func(change func(*match.Offer)) match.Score {
		o := steelcrest()
		change(&o)
		m := newMatcher(t, trigrams{}, o)
		res, err := m.Search(t.Context(), &match.Query{Need: &n, Now: autumn})
		require.NoError(t, err)
		require.Len(t, res.Candidates, 1)
		return res.Candidates[0].Score
	}
	fifty := score(func(o *match.Offer) { o.Quantity.Value = hours(50) })
	eighty := score(func(o *match.Offer) { o.Quantity.Value = hours(80) })
	extra := score(func(o *match.Offer) {
		o.Quantity.Value = hours(80)
		o.Credentials = append(o.Credentials, match.Credential{Scheme: "ISO9001"}, match.Credential{Scheme: "NADCAP"})
		o.Properties["tolerance"] = match.Range(0.001, 0.001, "mm")
	})
	assert.Equal(t, 1.0, eighty.Quantity)
	assert.Equal(t, fifty, eighty)
	assert.Equal(t, eighty, extra)
}

// experts are a process specialist and two whose skills only look alike.
func experts() []match.Offer {
	expert := func(id, town, text string, years int, topics []string, cases ...int) match.Offer {
		o := match.Offer{ID: id, Firm: "firm-" + id, Person: "p-" + id, Kind: match.Expertise, Category: "expertise.machining", Text: text,
			Topics: topics, Years: years, Zone: toronto, Site: towns[town], Mode: match.Remote,
			Quantity: match.Quantity{Unit: match.Hours, PerWeek: hours(6)}, Currency: "CAD", Floor: match.NewBound(14000)}
		for _, y := range cases {
			o.Evidence = append(o.Evidence, match.Evidence{Year: y, Terms: topics})
		}
		return o
	}
	return []match.Offer{
		expert("E1", "Oakville", "Notch wear in nickel alloys, Inconel 718 and 625, turning", 31, []string{"notch_wear", "nickel_alloys", "turning"}, 2019, 2022, 2024),
		expert("E2", "Kitchener", "High-speed milling of aluminium 6061 and 7075", 22, []string{"aluminium", "milling"}, 2019, 2020, 2021, 2022),
		expert("E3", "Hamilton", "Welding Inconel 718, TIG", 25, []string{"nickel_alloys", "welding", "tig"}, 2017, 2018, 2019, 2020, 2021),
	}
}

func ceramics() match.Need {
	from := local("2026-09-15T09:00")
	return match.Need{ID: "ceramics", Firm: "northgate", Kind: match.TechnicalQuery, Category: "expertise.machining", Zone: toronto,
		Site: towns["Guelph"], Mode: match.Remote | match.OnSite, From: from, Until: from.Add(48 * time.Hour),
		Text:     "Ceramic insert notch wear and chipping after ~4 minutes finish-turning Inconel 718 at 240 m/min, 0.15 mm/rev, 70 bar coolant; wear at depth-of-cut line",
		Quantity: match.Quantity{Unit: match.Hours, Value: hours(4)}, Currency: "CAD", Ceiling: match.NewBound(20000)}
}

func TestTechnicalQueryFindsTheSpecialist(t *testing.T) {
	for name, topics := range map[string][]string{"text alone": nil, "topics": {"notch_wear", "nickel_alloys", "turning"}} {
		for model, e := range map[string]match.Embedder{"words": nil, "vectors": trigrams{}} {
			t.Run(name+", "+model, func(t *testing.T) {
				m := newMatcher(t, e, experts()...)
				n := ceramics()
				n.Topics = topics
				res, err := m.Search(t.Context(), &match.Query{Need: &n, Now: n.From, Median: median(16500)})
				require.NoError(t, err)
				require.Len(t, res.Candidates, 3)
				first := res.Candidates[0]
				assert.Equal(t, "E1", first.Offer)
				assert.Equal(t, match.High, first.Tier)
				assert.Equal(t, match.Remote, first.Mode)
				assert.Contains(t, first.Support, "3 comparable problems solved")
				cents, _ := first.Price.Open()
				assert.Equal(t, int64(16500), cents)
				for _, c := range res.Candidates[1:] {
					assert.NotEqual(t, match.High, c.Tier, "%s %+v", c.Offer, c.Score)
				}
			})
		}
	}
}

func TestTierLowWithoutAgreementAndMediumForAPart(t *testing.T) {
	m := newMatcher(t, nil, experts()...)
	n := ceramics()
	n.Text = "Ladder logic for a PLC, and milling"
	res, err := m.Search(t.Context(), &match.Query{Need: &n, Now: n.From})
	require.NoError(t, err)
	tiers := map[string]match.Tier{}
	for _, c := range res.Candidates {
		tiers[c.Offer] = c.Tier
	}
	assert.Equal(t, match.Low, tiers["E3"])

	o, part := steelcrest(), gridline()
	part.Quantity.Value, part.Partial = hours(400), true
	m = newMatcher(t, nil, o)
	res, err = m.Search(t.Context(), &match.Query{Need: &part, Now: autumn})
	require.NoError(t, err)
	require.Len(t, res.Candidates, 1)
	assert.Equal(t, match.Medium, res.Candidates[0].Tier)
	assert.InDelta(t, 0.92, res.Candidates[0].Score.Quantity, 1e-9)
	assert.Equal(t, "covers a part of the quantity", res.Candidates[0].Rationale[0])
}

func TestAdmitIsAskedForEveryFeasibleOfferBeforeTheCut(t *testing.T) {
	offers := []match.Offer{decoys()["material"]}
	for i := range 20 {
		o := steelcrest()
		o.ID, o.Firm = fmt.Sprintf("o%02d", i), fmt.Sprintf("f%02d", i)
		offers = append(offers, o)
	}
	m := newMatcher(t, trigrams{}, offers...)
	n := gridline()
	var asked []string
	admit := func(o *match.Offer, p *match.Plan) bool {
		asked = append(asked, o.ID)
		_, ok := m.Offer(o.ID) // the matcher may be used
		return ok && p.Amount == hours(50) && o.ID != "o07"
	}
	res, err := m.Search(t.Context(), &match.Query{Need: &n, K: 3, Now: autumn, Admit: admit})
	require.NoError(t, err)
	assert.Len(t, asked, 20)
	assert.NotContains(t, asked, "decoy-material")
	assert.Len(t, res.Candidates, 3)
	assert.Equal(t, 19, res.Feasible)
	res, err = m.Search(t.Context(), &match.Query{Need: &n, K: 100, Now: autumn, Admit: admit})
	require.NoError(t, err)
	assert.Len(t, res.Candidates, 19)
	assert.NotContains(t, ids(res.Candidates), "o07")
	assert.Empty(t, res.Rejected)
}

func TestResultsDoNotDependOnTheOrderOfUpserts(t *testing.T) {
	var offers []match.Offer
	for i := range 40 {
		o := steelcrest()
		o.ID, o.Firm = fmt.Sprintf("o%02d", i), fmt.Sprintf("f%02d", i)
		offers = append(offers, o)
	}
	n := gridline()
	search := func() []match.Candidate {
		m := newMatcher(t, trigrams{}, offers...)
		res, err := m.Search(t.Context(), &match.Query{Need: &n, K: 10, Now: autumn})
		require.NoError(t, err)
		return res.Candidates
	}
	want := search()
	slices.Reverse(offers)
	assert.Equal(t, want, search())
	assert.False(t, slices.IsSorted(ids(want)), "ties do not go by name")
}

func TestUpsertReplacesAndRemoveForgets(t *testing.T) {
	m := newMatcher(t, trigrams{}, steelcrest())
	n := gridline()
	find := func() []string {
		res, err := m.Search(t.Context(), &match.Query{Need: &n, Now: autumn})
		require.NoError(t, err)
		return ids(res.Candidates)
	}
	require.Equal(t, []string{"steelcrest"}, find())
	o := steelcrest()
	o.Revision, o.Category = 2, "machine.rental"
	require.NoError(t, m.Upsert(t.Context(), o))
	assert.Empty(t, find())
	assert.Equal(t, 1, m.Len())
	got, ok := m.Offer("steelcrest")
	require.True(t, ok)
	assert.Equal(t, 2, got.Revision)
	require.NoError(t, m.Upsert(t.Context(), steelcrest()))
	assert.Equal(t, []string{"steelcrest"}, find())
	assert.True(t, m.Remove("steelcrest"))
	assert.False(t, m.Remove("steelcrest"))
	assert.Empty(t, find())
	assert.Zero(t, m.Len())
	_, ok = m.Offer("steelcrest")
	assert.False(t, ok)
	ranked, err := m.Rank(t.Context(), "titanium", 5, match.Fused)
	require.NoError(t, err)
	assert.Empty(t, ranked)
	for i := range 5 { // rows are used again
		o.ID, o.Category = fmt.Sprint(i), "machine.capacity"
		require.NoError(t, m.Upsert(t.Context(), o))
		m.Remove(fmt.Sprint(i - 1))
	}
	assert.Equal(t, []string{"4"}, find())
}

func TestMatcherKeepsDeepCopies(t *testing.T) {
	o := steelcrest()
	m := newMatcher(t, nil, o)
	o.Properties["material"].Terms[0] = "lead"
	*o.Properties["tolerance"].Min = 99
	o.Windows[0].Except[0] = "x"
	o.Credentials[0].Scheme = "none"
	got, _ := m.Offer("steelcrest")
	assert.Equal(t, steelcrest(), *got)
}

func TestUpsertIsAllOrNothing(t *testing.T) {
	m := newMatcher(t, trigrams{}, steelcrest())
	good, bad := steelcrest(), steelcrest()
	good.ID, bad.ID, bad.Zone = "good", "bad", "nowhere"
	assertField(t, "offers[1].zone", m.Upsert(t.Context(), good, bad))
	assertField(t, "offers[1].id", m.Upsert(t.Context(), good, good))
	assert.Equal(t, 1, m.Len())
	assert.NoError(t, m.Upsert(t.Context()))
}

// faulty answers with whatever it holds.
type faulty struct {
	vecs [][]float32
	err  error
}

func (f faulty) EmbedQueries(context.Context, []string) ([][]float32, error)   { return f.vecs, f.err }
func (f faulty) EmbedDocuments(context.Context, []string) ([][]float32, error) { return f.vecs, f.err }
func (faulty) ModelID() string                                                 { return "faulty" }

func TestFaultyEmbeddersAreRefused(t *testing.T) {
	down := errors.New("down")
	for name, index := range map[string]func() match.VectorIndex{"graph": func() match.VectorIndex { return nil },
		"exact": func() match.VectorIndex { return match.NewExact() }} {
		for _, c := range []struct {
			e    faulty
			want error
		}{
			{faulty{err: down}, down},
			{faulty{vecs: nil}, match.ErrEmbedding},
			{faulty{vecs: [][]float32{{1}, {2}}}, match.ErrEmbedding},
			{faulty{vecs: [][]float32{{}}}, match.ErrEmbedding},
			{faulty{vecs: [][]float32{{0, 0}}}, match.ErrEmbedding},
			{faulty{vecs: [][]float32{{1, float32(math.NaN())}}}, match.ErrEmbedding},
			{faulty{vecs: [][]float32{{1, float32(math.Inf(1))}}}, match.ErrEmbedding},
		} {
			m, err := match.New(c.e, &match.Options{Index: index()})
			require.NoError(t, err)
			assert.ErrorIs(t, m.Upsert(t.Context(), steelcrest()), c.want, name)
			assert.Zero(t, m.Len())
		}
	}
}

func TestQueriesAndOptionsAreChecked(t *testing.T) {
	m := newMatcher(t, nil, steelcrest())
	n, bad := gridline(), gridline()
	bad.Zone = ""
	_, err := m.Search(t.Context(), nil)
	assertField(t, "need", err)
	_, err = m.Search(t.Context(), &match.Query{Need: &n, K: -1})
	assertField(t, "k", err)
	_, err = m.Search(t.Context(), &match.Query{Need: &bad})
	assertField(t, "need.zone", err)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = m.Search(done, &match.Query{Need: &n})
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, m.Upsert(done, steelcrest()), context.Canceled)
	_, err = m.Rank(t.Context(), "x", 0, match.Fused)
	assertField(t, "k", err)
	_, err = m.Rank(t.Context(), "x", 1, 7)
	assertField(t, "mode", err)
	_, err = m.Rank(t.Context(), "x", 1, match.Dense)
	assertField(t, "mode", err)
	for _, o := range []match.Options{{Depth: -1}, {Weights: &match.Weights{}}, {Weights: &match.Weights{Price: math.NaN()}}, {Weights: &match.Weights{Time: -1}}} {
		_, err := match.New(nil, &o)
		_, ok := errors.AsType[*match.FieldError](err)
		assert.True(t, ok, "%+v", o)
	}
	assert.Empty(t, m.ModelID())
	assert.Equal(t, "trigrams/256", newMatcher(t, trigrams{}).ModelID())
}

func TestGraphAndExactIndexAgree(t *testing.T) {
	words := strings.Fields("titanium nickel turning milling welding notch wear coolant insert robot controls cell drive ladder logic gauge cmm probe")
	var offers []match.Offer
	for i := range 300 {
		o := experts()[0]
		o.ID, o.Topics, o.Evidence = fmt.Sprintf("o%d", i), nil, nil
		o.Text = strings.Join([]string{words[i%len(words)], words[i*7%len(words)], words[i*i%len(words)]}, " ")
		offers = append(offers, o)
	}
	exact, err := match.New(trigrams{}, &match.Options{Index: match.NewExact(), Depth: 40})
	require.NoError(t, err)
	graph, err := match.New(trigrams{}, &match.Options{Depth: 40})
	require.NoError(t, err)
	require.NoError(t, exact.Upsert(t.Context(), offers...))
	require.NoError(t, graph.Upsert(t.Context(), offers...))
	for i := range 50 {
		a, b := fmt.Sprintf("o%d", 3*i), fmt.Sprintf("o%d", 5*i)
		exact.Remove(a)
		graph.Remove(a)
		exact.Remove(b)
		graph.Remove(b)
	}
	for _, q := range words {
		for _, mode := range []match.RankMode{match.Dense, match.BM25, match.Fused} {
			want, err := exact.Rank(t.Context(), q+" wear", 1000, mode)
			require.NoError(t, err)
			got, err := graph.Rank(t.Context(), q+" wear", 1000, mode)
			require.NoError(t, err)
			require.Equal(t, len(want), len(got))
			for i := range want {
				require.InDelta(t, want[i].Score, got[i].Score, 1e-5)
			}
		}
	}
}

func TestWritersAndSearchesTogether(t *testing.T) {
	m := newMatcher(t, trigrams{}, steelcrest())
	n := gridline()
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for i := range 15 {
				o := steelcrest()
				o.ID, o.Firm = fmt.Sprintf("o%d-%d", w, i%4), fmt.Sprintf("f%d", w)
				if err := m.Upsert(t.Context(), o); err != nil {
					t.Error(err)
				}
				if i%3 == 2 {
					m.Remove(o.ID)
				}
			}
		})
		wg.Go(func() {
			for range 15 {
				res, err := m.Search(t.Context(), &match.Query{Need: &n, K: 50, Now: autumn})
				if err != nil || !slices.Contains(ids(res.Candidates), "steelcrest") {
					t.Errorf("%v, %v", res, err)
				}
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 1+3*2, m.Len(), "each worker's last calls leave two of its four offers")
}

// scattered gives each text a direction that has nothing to do with its words.
type scattered struct{ trigrams }

func (scattered) embed(texts []string) [][]float32 {
	out := make([][]float32, len(texts))
	for i, t := range texts {
		h := fnv.New32a()
		_, _ = h.Write([]byte(t))
		sin, cos := math.Sincos(float64(h.Sum32()%1000) / 1000)
		out[i] = []float32{float32(cos), float32(sin)}
	}
	return out
}

func (e scattered) EmbedQueries(_ context.Context, t []string) ([][]float32, error) {
	return e.embed(t), nil
}

func (e scattered) EmbedDocuments(_ context.Context, t []string) ([][]float32, error) {
	return e.embed(t), nil
}

// A row found by its words alone still gets its cosine, and the other way
// round: scores do not depend on the depth of the search.
func TestScoresDoNotDependOnDepth(t *testing.T) {
	var offers []match.Offer
	for i := range 60 {
		o := experts()[i%3]
		o.ID, o.Topics, o.Evidence = fmt.Sprintf("o%d", i), nil, nil
		o.Text += strings.Repeat(" turned", i%5) + strings.Repeat(" notches", i%7)
		offers = append(offers, o)
	}
	shallow, err := match.New(scattered{}, &match.Options{Depth: 3})
	require.NoError(t, err)
	require.NoError(t, shallow.Upsert(t.Context(), offers...))
	deep := newMatcher(t, scattered{}, offers...)
	for _, q := range []string{"notch turning", "aluminium", "turned welds"} {
		all, err := deep.Rank(t.Context(), q, 60, match.Fused)
		require.NoError(t, err)
		some, err := shallow.Rank(t.Context(), q, 3, match.Fused)
		require.NoError(t, err)
		require.Len(t, some, 3)
		for _, r := range some {
			i := slices.IndexFunc(all, func(x match.Ranked) bool { return x.Offer == r.Offer })
			assert.InDelta(t, all[i].Score, r.Score, 1e-6, "%s %s", q, r.Offer)
		}
	}
}

func TestReplacedTextIsForgotten(t *testing.T) {
	m := newMatcher(t, trigrams{}, experts()...)
	o := experts()[0]
	o.Text, o.Topics, o.Evidence = "gear hobbing", nil, nil
	require.NoError(t, m.Upsert(t.Context(), o))
	fresh := newMatcher(t, trigrams{}, append(experts()[1:], o)...)
	for _, q := range []string{"notch wear", "hobbing", "inconel"} {
		got, err := m.Rank(t.Context(), q, 3, match.BM25)
		require.NoError(t, err)
		want, err := fresh.Rank(t.Context(), q, 3, match.BM25)
		require.NoError(t, err)
		assert.Equal(t, want, got, q)
	}
}

func TestMergedTextIsFound(t *testing.T) {
	m := newMatcher(t, nil, steelcrest())
	ranked, err := m.Rank(t.Context(), "INCONEL", 3, match.BM25)
	require.NoError(t, err)
	require.Len(t, ranked, 1)
	assert.Positive(t, ranked[0].Score, "a property's terms are words of the offer")
}

func TestTokens(t *testing.T) {
	assert.Equal(t, []string{"ti", "6al", "4v", "é", "über", "5", "axis"}, match.Tokens("Ti_6Al-4V É Über\t5-axis 軸"))
	assert.Empty(t, match.Tokens("\xff\xfe — …"))
}

func ExampleMatcher_Search() {
	m, err := match.New(nil, nil) // no embedder: words and facts
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := m.Upsert(context.Background(), steelcrest()); err != nil {
		fmt.Println(err)
		return
	}
	need := gridline()
	need.Requires = need.Requires[:2]
	res, err := m.Search(context.Background(), &match.Query{Need: &need, Now: autumn, Median: median(12000)})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range res.Candidates {
		fmt.Println(c.Tier, c.Plan.Amount.Duration(), c.Price)
		for _, why := range c.Rationale {
			fmt.Println("-", why)
		}
	}
	// Output:
	// high 50h0m0s sealed
	// - covers the hours asked for
	// - machine_type 5_axis_machining_center
	// - material ti_6al_4v
	// - AS9100D valid through the work
}

func ExampleMatcher_Rank() {
	m, _ := match.New(nil, nil)
	_ = m.Upsert(context.Background(), experts()...)
	ranked, _ := m.Rank(context.Background(), "notch wear when turning", 2, match.BM25)
	for _, r := range ranked {
		fmt.Println(r.Offer, r.Score > 0)
	}
	// Output:
	// E1 true
	// E2 false
}
