package disclosure_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
)

// province returns n listings of groups employers, spread over Ontario: sites
// near the cities, one in ten a person, common and rare facts, credentials
// that end.
func province(n, groups int, seed uint64) []disclosure.Listing {
	r := rand.New(rand.NewPCG(seed, 2))
	zipf := rand.NewZipf(r, 1.3, 2, 1<<20)
	pick := func(words string) string {
		w := strings.Fields(words)
		return w[zipf.Uint64()%uint64(len(w))]
	}
	names := strings.Fields("Toronto Mississauga Hamilton Kitchener Windsor London Guelph Cambridge Oakville Burlington Brantford")
	ls := make([]disclosure.Listing, n)
	for i := range ls {
		group := r.IntN(groups)
		l := at(names[group%len(names)], fmt.Sprint("g", group), facts{
			"machine_type":    {pick("cnc_lathe 5_axis 4_axis_mill laser_cutting press_brake wire_edm_machine mill_turn_center robot_cell")},
			"material_family": {pick("carbon_steel aluminum_6061 stainless_steel ti_6al_4v inconel_718 plastic brass"), pick("aluminum_6061 brass peek")},
			"shift":           {pick("shift1 shift2 shift3")},
		}, numbers{"max_part_mm": float64(50 + r.IntN(1500))})
		l.ID, l.Lat, l.Lon = fmt.Sprint("o", i), l.Lat+r.NormFloat64()/10, l.Lon+r.NormFloat64()/10
		if l.Person = r.IntN(10) == 0; l.Person {
			l.Facts["process"] = []string{pick("turning milling welding edm grinding stamping coating"), pick("deburring metrology plc welding")}
			l.Numbers = numbers{"years": float64(r.IntN(40)), "solved": float64(r.IntN(6))}
			delete(l.Facts, "machine_type")
		}
		for _, c := range []string{pick("iso_9001 as9100 iatf16949 iso_13485 nadcap cwb"), pick("iso_9001 iso_14001 cwb iso_17025 as9110")} {
			l.Dated = append(l.Dated, disclosure.Dated{Field: "credential", Term: c, From: noon.AddDate(-1, 0, 0), Until: noon.Add(time.Duration(r.IntN(3*365*24)) * time.Hour)})
		}
		ls[i] = l
	}
	return ls
}

// quantile of durations, which it sorts.
func quantile(ds []time.Duration, q float64) time.Duration {
	slices.Sort(ds)
	return ds[min(len(ds)-1, int(math.Ceil(q*float64(len(ds))))-1)]
}

func TestHundredThousandListings(t *testing.T) {
	n, asked := 100_000, 4000
	if testing.Short() {
		n, asked = 5000, 300
	}
	ls := province(n, n/5, 1)
	s, err := disclosure.NewSummarizer(disclosure.DefaultSchema(), nil)
	require.NoError(t, err)
	for _, l := range ls {
		s.Put(l)
	}
	r := rand.New(rand.NewPCG(9, 9))
	var froze, looked, put []time.Duration
	shown, now := 0, noon
	for range asked {
		l := ls[r.IntN(len(ls))]
		now = now.Add(time.Duration(r.IntN(300)) * time.Second)
		start := time.Now()
		sum, risk, err := s.Freeze(l.ID, now)
		froze = append(froze, time.Since(start))
		if sum.News {
			require.NoError(t, s.Install(sum.Frozen))
		}
		if err == nil {
			require.GreaterOrEqual(t, risk.K, s.K(l))
			shown++
		}
		start = time.Now()
		_, _, err = s.For(l.ID, viewer("Guelph", "v"), now)
		looked = append(looked, time.Since(start))
		if err != nil {
			require.ErrorIs(t, err, disclosure.ErrTooRare)
		}
		l.Revision++
		start = time.Now()
		s.Put(l)
		put = append(put, time.Since(start))
	}
	t.Logf("%d of %d shown; Freeze p50 %v p99 %v, For p50 %v p99 %v, Put p50 %v p99 %v", shown, asked,
		quantile(froze, .5), quantile(froze, .99), quantile(looked, .5), quantile(looked, .99), quantile(put, .5), quantile(put, .99))
	require.Greater(t, shown, asked/2)
}
