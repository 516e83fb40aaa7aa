package match_test

import (
	"context"
	"hash/fnv"
	"slices"
	"testing"
	"time"

	"github.com/deeperpoint/csss/match"
	"github.com/stretchr/testify/require"
)

const toronto = "America/Toronto"

// towns are Ontario cities in WGS 84 degrees.
var towns = map[string]match.Point{
	"Hamilton":    {Lat: 43.2557, Lon: -79.8711},
	"Kitchener":   {Lat: 43.4516, Lon: -80.4925},
	"Cambridge":   {Lat: 43.3616, Lon: -80.3144},
	"Mississauga": {Lat: 43.5890, Lon: -79.6441},
	"London":      {Lat: 42.9849, Lon: -81.2453},
	"Brantford":   {Lat: 43.1394, Lon: -80.2644},
	"Guelph":      {Lat: 43.5448, Lon: -80.2482},
	"Oakville":    {Lat: 43.4675, Lon: -79.6877},
	"Burlington":  {Lat: 43.3255, Lon: -79.7990},
	"Stratford":   {Lat: 43.3700, Lon: -80.9822},
	"Toronto":     {Lat: 43.6532, Lon: -79.3832},
	"Windsor":     {Lat: 42.3149, Lon: -83.0364},
}

// local reads 2006-01-02T15:04 in Toronto.
func local(s string) time.Time {
	loc, err := time.LoadLocation(toronto)
	if err != nil {
		panic(err)
	}
	t, err := time.ParseInLocation("2006-01-02T15:04", s, loc)
	if err != nil {
		panic(err)
	}
	return t
}

// hours makes an amount of whole hours.
func hours(h int) match.Amount { return match.Amount(h) * match.Hour }

var autumn = local("2026-09-10T09:00")

func secondShift() match.Window {
	return match.Window{Zone: toronto, Start: "2026-09-14T16:00", End: "2026-09-15T00:30",
		RRule:  "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH;UNTIL=20261022",
		Except: []string{"2026-10-12"}, Productive: 8 * time.Hour}
}

// steelcrest is the second shift of two five-axis centres.
func steelcrest() match.Offer {
	return match.Offer{
		ID: "steelcrest", Revision: 1, Firm: "firm-steelcrest", Kind: match.MachineCapacity,
		Category: "machine.capacity.shift2", Zone: toronto, Site: towns["Hamilton"],
		Text: "Five-axis machining centres, second shift, titanium and nickel alloys",
		Properties: map[string]match.Property{
			"machine_type": match.Terms("5_axis_machining_center"),
			"material":     match.Terms("ti_6al_4v", "inconel_718"),
			"tolerance":    match.Range(0.005, 0.005, "mm"),
			"envelope_x":   match.Range(0, 500, "mm"),
			"envelope_y":   match.Range(0, 450, "mm"),
			"envelope_z":   match.Range(0, 400, "mm"),
		},
		Credentials: []match.Credential{{Scheme: "AS9100D", To: local("2027-06-01T00:00")}},
		Windows:     []match.Window{secondShift()}, Units: 2,
		Quantity: match.Quantity{Unit: match.Hours}, Currency: "CAD", Floor: match.NewBound(9500),
	}
}

// gridline needs 50 h of five-axis titanium machining.
func gridline() match.Need {
	return match.Need{
		ID: "gridline", Firm: "firm-gridline", Kind: match.MachineCapacity, Category: "machine.capacity",
		Text: "five-axis titanium machining for a tooling program",
		Requires: []match.Requirement{
			{Property: "machine_type", Op: match.Includes, Terms: []string{"5_axis_machining_center"}},
			{Property: "material", Op: match.Includes, Terms: []string{"ti_6al_4v"}},
			{Property: "tolerance", Op: match.AtMost, Value: 0.01, Unit: "mm"},
			{Property: "envelope_x", Op: match.AtLeast, Value: 420, Unit: "mm"},
			{Property: "envelope_y", Op: match.AtLeast, Value: 300, Unit: "mm"},
			{Property: "envelope_z", Op: match.AtLeast, Value: 180, Unit: "mm"},
		},
		Credentials: []string{"AS9100D"}, Site: towns["Cambridge"], RadiusKM: 60, Zone: toronto,
		From: local("2026-09-14T00:00"), Until: local("2026-10-23T00:00"),
		Quantity: match.Quantity{Unit: match.Hours, Value: hours(50)}, MinBlock: hours(4),
		Currency: "CAD", Ceiling: match.NewBound(15000),
	}
}

// decoys differ from steelcrest in one point each; the key is the gate that
// must fail, and nothing else.
func decoys() map[string]match.Offer {
	out := map[string]match.Offer{}
	add := func(gate, town string, change func(*match.Offer)) {
		o := steelcrest()
		o.ID, o.Firm, o.Site = "decoy-"+gate, "firm-"+gate, towns[town]
		change(&o)
		out[gate] = o
	}
	add("material", "Kitchener", func(o *match.Offer) {
		o.Properties["material"] = match.Terms("aluminum_6061", "carbon_steel")
	})
	add("machine_type", "Burlington", func(o *match.Offer) { o.Properties["machine_type"] = match.Terms("cnc_lathe") })
	add("distance", "Windsor", func(*match.Offer) {})
	add("credential", "Brantford", func(o *match.Offer) { o.Credentials[0].To = local("2026-09-01T00:00") })
	add("window", "Guelph", func(o *match.Offer) {
		w := secondShift()
		w.Start, w.End, w.Productive = "2026-09-14T13:00", "2026-09-14T15:00", 0
		o.Windows = []match.Window{w}
	})
	add("price", "Brantford", func(o *match.Offer) { o.Floor = match.NewBound(16000) })
	return out
}

// failed names the gates that did not pass.
func failed(results []match.GateResult) []string {
	var out []string
	for _, r := range results {
		if !r.Passed {
			out = append(out, r.Gate)
		}
	}
	return out
}

// hold makes a hold of a plan.
func hold(id string, o *match.Offer, p match.Plan) match.Hold {
	return match.Hold{ID: id, Offer: o.ID, Slots: p.Slots, Amount: p.Amount}
}

// place plans a need on an offer and holds the plan.
func place(t *testing.T, b *match.Book, id string, o match.Offer, n match.Need) match.Plan {
	t.Helper()
	p, err := b.Plan(&o, &n, autumn)
	require.NoError(t, err)
	require.NoError(t, b.Place(&o, hold(id, &o, p)))
	return p
}

// trigrams is a tiny embedder: hashed character trigrams, signed.
type trigrams struct{}

const trigramDims = 256

func (trigrams) vector(text string) []float32 {
	v := make([]float32, trigramDims)
	v[0] = 1e-3
	for _, token := range match.Tokens(text) {
		r := []rune("_" + token + "_")
		for i := range len(r) - 2 {
			h := fnv.New32a()
			_, _ = h.Write([]byte(string(r[i : i+3])))
			sum := h.Sum32()
			v[sum%trigramDims] += float32(1 - 2*int(sum>>31))
		}
	}
	return v
}

func (e trigrams) embed(texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, t := range texts {
		out[i] = e.vector(t)
	}
	return out, nil
}

func (e trigrams) EmbedQueries(_ context.Context, t []string) ([][]float32, error) { return e.embed(t) }
func (e trigrams) EmbedDocuments(_ context.Context, t []string) ([][]float32, error) {
	return e.embed(t)
}
func (trigrams) ModelID() string { return "trigrams/256" }

func newMatcher(t *testing.T, e match.Embedder, offers ...match.Offer) *match.Matcher {
	t.Helper()
	m, err := match.New(e, nil)
	require.NoError(t, err)
	require.NoError(t, m.Upsert(t.Context(), offers...))
	return m
}

func ids(c []match.Candidate) []string {
	var out []string
	for _, x := range c {
		out = append(out, x.Offer)
	}
	return out
}

func median(cents int64) func(string) (int64, bool) {
	return func(string) (int64, bool) { return cents, true }
}

func sortedKeys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
