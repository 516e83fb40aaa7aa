package redteam

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deeperpoint/csss/disclosure"
)

// A Directory is what is listed, who looks, and who could work together: what
// the best informed reader knows. Everything is known to it but who is behind a
// session.
type Directory struct {
	Listings []disclosure.Listing
	Viewers  []disclosure.Viewer // one for each employer's site
	Feasible []Meeting
	At       time.Time
}

// A Meeting is a listing that meets a need of a viewer.
type Meeting struct {
	Listing int // index in Directory.Listings
	Viewer  disclosure.Viewer
}

// Identified is how often the reader's first guess of the employer behind a
// session is right, by what the reader does with the directory. Where several
// guesses are as good, the share of the right one counts.
type Identified struct {
	K         int     `json:"k"`
	Sessions  int     `json:"sessions"`
	Kept      float64 `json:"kept"`      // share of the feasible matches whose viewer saw a summary
	LeastFit  int     `json:"least_fit"` // fewest employers that fit what one session showed
	Fit       float64 `json:"fit"`       // guesses evenly among the employers that fit the session
	Most      float64 `json:"most"`      // guesses the employer with most listings that fit
	Linked    float64 `json:"linked"`    // is told which sessions are of one listing, and lays them over each other
	Algorithm float64 `json:"algorithm"` // knows every listing's own summary, and keeps those with the text of the session
	Bound     float64 `json:"bound"`     // 1/k + 0.01
}

// Frontier is what the best informed reader guesses right, for each k.
type Frontier struct {
	Points     []Identified `json:"points"`
	Sessions   int          `json:"sessions"`
	Violations int          `json:"violations"` // ks at which some session fits fewer than k employers
	Broken     []string     `json:"broken,omitempty"`
}

// InformedAttacker holds the true directory of all firms and all summaries, and
// guesses who is behind so many sessions under a guard of each k. That a guess
// is right once in k is what k promises; a session that fewer than k employers
// fit is a violation. What the reader makes of knowing the guard's own way of
// choosing, or which sessions are of one listing, is reported beside it.
//
// Errors: those of the options, and of the summarizer.
func InformedAttacker(d Directory, ks []int, sessions int, seed uint64) (Frontier, error) {
	var f Frontier
	for _, k := range ks {
		p, err := Identify(d, &disclosure.SummaryOptions{K: k, KPeople: k, AllowUnsafe: true}, sessions, seed)
		if err != nil {
			return f, err
		}
		f.Points, f.Sessions = append(f.Points, p), f.Sessions+p.Sessions
		if p.LeastFit < k {
			f.Violations++
			f.Broken = append(f.Broken, fmt.Sprintf("k=%d: a session fits %d employers", k, p.LeastFit))
		}
	}
	return f, nil
}

// A session is what one viewer was shown, and the truth.
type session struct {
	listing int
	viewer  disclosure.Viewer
	shown   disclosure.Shown
}

// Identify plays so many sessions under a guard, the feasible matches first and
// then listings and viewers at random, and lets the reader guess. Give both ks
// of the options the same value: one k is judged.
func Identify(d Directory, o *disclosure.SummaryOptions, sessions int, seed uint64) (Identified, error) {
	s, err := guard(d, o)
	if err != nil {
		return Identified{}, err
	}
	k := s.K(disclosure.Listing{})
	out := Identified{K: k, Bound: 1/float64(k) + 0.01}
	rng := rand.New(rand.NewPCG(seed, 1))
	var seen []session
	planted, kept := 0, 0
	for i := range sessions {
		p := Meeting{rng.IntN(len(d.Listings)), d.Viewers[rng.IntN(len(d.Viewers))]}
		if i < len(d.Feasible) {
			p = d.Feasible[i]
			planted++
		}
		shown, fresh, err := s.For(d.Listings[p.Listing].ID, p.Viewer, d.At)
		if err := install(s, fresh); err != nil {
			return Identified{}, err
		}
		switch {
		case err == nil:
			seen = append(seen, session{p.Listing, p.Viewer, shown})
			if i < len(d.Feasible) {
				kept++
			}
		case !errors.Is(err, disclosure.ErrTooRare):
			return Identified{}, err
		}
	}
	out.Sessions, out.Kept = len(seen), float64(kept)/float64(max(planted, 1))
	newReader(d, s).guess(seen, &out)
	return out, nil
}

// A reader is the directory.
type reader struct {
	d      Directory
	bears  []map[string]bool // listing → labels at any level
	texts  []string          // listing → its own summary
	fits   map[string][]int  // kind and text → listings
	schema disclosure.Schema
}

func newReader(d Directory, s *disclosure.Summarizer) *reader {
	r := &reader{d: d, fits: map[string][]int{}, schema: disclosure.DefaultSchema()}
	for _, l := range d.Listings {
		r.bears = append(r.bears, r.labels(l))
		text := ""
		if f, ok := s.Frozen(l.ID, ""); ok {
			for _, c := range f.Fields {
				text += ", " + strings.Join(c.Labels, ", ")
			}
		} else if sum, _, err := s.Freeze(l.ID, d.At); err == nil {
			text = ", " + sum.Text
		}
		r.texts = append(r.texts, strings.TrimPrefix(text, ", "))
	}
	return r
}

func (r *reader) guess(seen []session, out *Identified) {
	linked := map[int]map[string]bool{}
	out.LeastFit = math.MaxInt
	for _, x := range seen {
		cands := r.candidates(x)
		truth, all := r.d.Listings[x.listing].Group, r.groups(cands)
		out.LeastFit = min(out.LeastFit, len(all))
		out.Fit += 1 / float64(len(all))
		out.Most += first(all, truth)
		own := slices.DeleteFunc(slices.Clone(cands), func(i int) bool { return r.texts[i] != x.shown.Text })
		out.Algorithm += first(r.groups(own), truth)
		if linked[x.listing] == nil {
			linked[x.listing] = map[string]bool{}
			for g := range all {
				linked[x.listing][g] = true
			}
		}
		for g := range linked[x.listing] {
			if all[g] == 0 && g != x.viewer.Group {
				delete(linked[x.listing], g)
			}
		}
	}
	n := float64(max(len(seen), 1))
	for _, x := range seen {
		out.Linked += 1 / float64(max(len(linked[x.listing]), 1)) / n
	}
	out.Fit, out.Most, out.Algorithm = out.Fit/n, out.Most/n, out.Algorithm/n
}

// first is the chance that a guess of a group with most listings is right.
func first(groups map[string]int, truth string) float64 {
	most, ties := 0, 0
	for _, n := range groups {
		if n > most {
			most, ties = n, 0
		}
		if n == most {
			ties++
		}
	}
	if groups[truth] < most || most == 0 {
		return 0
	}
	return 1 / float64(ties)
}

func (r *reader) groups(listings []int) map[string]int {
	out := map[string]int{}
	for _, i := range listings {
		out[r.d.Listings[i].Group]++
	}
	return out
}

// candidates are the listings that all of a session is true of.
func (r *reader) candidates(x session) []int {
	l := r.d.Listings[x.listing]
	remote := strings.HasSuffix(x.shown.Place, "or remote")
	key := fmt.Sprint(l.Person, remote, x.shown.Text)
	fits, ok := r.fits[key]
	if !ok {
		for i, c := range r.d.Listings {
			if c.Person == l.Person && (c.Remote || !remote) && !slices.ContainsFunc(x.shown.Labels, func(label string) bool { return !r.bears[i][label] }) {
				fits = append(fits, i)
			}
		}
		r.fits[key] = fits
	}
	var out []int
	for _, i := range fits {
		if c := r.d.Listings[i]; c.Group != x.viewer.Group && there(c, x.viewer, x.shown.Place) {
			out = append(out, i)
		}
	}
	return out
}

// labels lists every label that the schema has for a listing.
func (r *reader) labels(l disclosure.Listing) map[string]bool {
	out := map[string]bool{}
	for _, f := range r.schema {
		terms := slices.Clone(l.Facts[f.Name])
		if f.Name == "category" {
			terms = append(terms, l.Category)
		}
		for _, d := range l.Dated {
			if d.Field == f.Name && !r.d.At.Before(d.From) && (d.Until.IsZero() || r.d.At.Before(d.Until)) {
				terms = append(terms, d.Term)
			}
		}
		for _, level := range f.Levels {
			for _, t := range terms {
				out[termLabel(level, t)] = true
			}
			if v, ok := l.Numbers[f.Name]; ok {
				out[numberLabel(level, v)] = true
			}
		}
	}
	delete(out, "")
	return out
}

func termLabel(l disclosure.Level, term string) string {
	if l.Depth > 0 {
		parts := strings.Split(term, ".")
		return strings.ReplaceAll(strings.Join(parts[:min(l.Depth, len(parts))], " "), "_", " ")
	}
	fold := strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.TrimSpace(term)))
	return l.Terms[fold]
}

func numberLabel(l disclosure.Level, v float64) string {
	if l.Exact != "" {
		return cmp.Or(map[bool]string{v == 1: l.One}[true], fmt.Sprintf(l.Exact, int(v)))
	}
	label := ""
	for _, b := range l.Bounds {
		if b <= v {
			label = fmt.Sprintf(l.Format, strconv.FormatFloat(b, 'g', -1, 64))
		}
	}
	return label
}

// there reports whether a listing is where a viewer was told one is.
func there(l disclosure.Listing, v disclosure.Viewer, place string) bool {
	place = strings.TrimSuffix(strings.TrimSuffix(place, "or remote"), " ")
	far := 0.0
	switch {
	case place == "":
		return true
	case strings.HasPrefix(place, "≤ "):
		_, _ = fmt.Sscanf(place, "≤ %g km", &far)
		return kilometres(l, v) <= far
	case strings.HasPrefix(place, "> "):
		_, _ = fmt.Sscanf(place, "> %g km", &far)
		return kilometres(l, v) > far
	}
	return l.Region == place || l.Country == place
}

// kilometres is the great-circle distance by the spherical law of cosines.
func kilometres(l disclosure.Listing, v disclosure.Viewer) float64 {
	const rad = math.Pi / 180
	c := math.Sin(l.Lat*rad)*math.Sin(v.Lat*rad) + math.Cos(l.Lat*rad)*math.Cos(v.Lat*rad)*math.Cos((l.Lon-v.Lon)*rad)
	return 6371.0088 * math.Acos(min(1, max(-1, c)))
}
