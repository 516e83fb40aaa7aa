package disclosure

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Class says how dangerous a field is, and with it from which stage on it may be
// shown at all.
type Class uint8

// The classes. Only Quasi and Sensitive fields may be shown in a summary.
const (
	Quasi     Class = iota // identifies in combination: generalised, counted
	Sensitive              // as Quasi; worth protecting in itself, see [SummaryOptions.L]
	Direct                 // identifies alone: not before [StageIdentity]
	FreeText               // may say anything: not before [StageContact]
)

// Level is one rung of a field's generalisation, made of data only. For a
// field of facts Terms maps a vocabulary term to its label; a term without a
// label is hidden. For a number, Exact prints it, or Bounds sort it into
// buckets.
type Level struct {
	Terms  map[string]string // lower-case term → label
	Exact  string            // format with one %d, for whole numbers ≥ 1
	One    string            // with Exact, the label of 1; default: Exact with a 1
	Bounds []float64         // rising; a number is described by the largest bound ≤ it
	Format string            // label of a bucket, with one %s for the bound
	Depth  int               // > 0: the first Depth segments of a dotted term, underscores as spaces
}

// Field is one line of the allow-list. A field that is not in the schema is
// never shown.
type Field struct {
	Name   string
	Class  Class
	Stages Stages  // what each stage shows; nil = Guarded from StageSummary on if there are Levels, else nothing
	Levels []Level // finest first; "not shown" follows the last
	Weight float64 // what hiding the field from the summary costs, > 0 where that tells of it
	Anchor bool    // says what is offered: a listing that has anchors keeps at least one
	Max    int     // labels shown at once, in the listing's order; 0 = all
	Backup bool    // used only by a listing that has no other field to show
}

// Schema is the allow-list, in the order of the text.
type Schema []Field

// Listing is the factual side of an offer or a need, as the summarizer needs
// it. It is private to the host.
type Listing struct {
	ID       string
	Revision int
	Group    string              // employer group; k counts these
	Person   bool                // a person's expertise: KPeople applies
	Category string              // dotted
	Facts    map[string][]string // field → vocabulary terms; the first is what the listing is mainly about
	Dated    []Dated             // facts that hold for a time
	Numbers  map[string]float64  // field → number
	Lat, Lon float64             // verified site, WGS 84 degrees
	Region   string              // economic region, as shown
	Country  string              // province or country, as shown
	Remote   bool                // work can be done remotely
}

// Dated is a fact that is said and counted only while it holds, such as a
// credential.
type Dated struct {
	Field, Term string
	From        time.Time
	Until       time.Time // the fact ends before it; zero = never
}

func (d Dated) holds(now time.Time) bool {
	return !now.Before(d.From) && (d.Until.IsZero() || now.Before(d.Until))
}

// DefaultSchema returns the allow-list for machining, additive work and the
// expertise around them. Its fields, in the order of the text: years, solved
// (numbers), machine_type, material_family (terms or grades), process,
// max_part_mm (number: largest part of a process that sells by it), credential
// (schemes; see [Dated]), shift; and category, for listings that have
// none of these. A part size and a credential are shown as they are or not at all: a
// vague one says little and still costs groups. From the reveal on the same
// fields are plain, and with them who the party is: legal_name, street, city,
// site, contact (a person's name); with the contacts, email, phone and text, the
// owner's own words. The result is the caller's.
func DefaultSchema() Schema {
	s := slices.Concat(summaryFields(), revealed(StageIdentity, Direct, "legal_name", "street", "city", "site", "contact"),
		revealed(StageContact, Direct, "email", "phone"), revealed(StageContact, FreeText, "text"))
	for i := range s {
		if len(s[i].Levels) > 0 {
			s[i].Stages = Stages{StageSummary: Guarded, StageIdentity: Plain}
		}
	}
	return s
}

// revealed are fields that are hidden until a stage and plain from then on.
func revealed(from Stage, c Class, names ...string) (s Schema) {
	for _, name := range names {
		s = append(s, Field{Name: name, Class: c, Stages: Stages{from: Plain}})
	}
	return s
}

func summaryFields() Schema {
	return Schema{
		{Name: "years", Weight: 10, Levels: []Level{
			{Bounds: []float64{5, 10, 20, 30}, Format: "%s+ years"},
			{Bounds: []float64{10, 20}, Format: "%s+ years"},
			{Bounds: []float64{10}, Format: "%s+ years"},
		}},
		{Name: "solved", Weight: 12, Levels: []Level{
			{Exact: "%d comparable problems solved", One: "1 comparable problem solved"},
			{Bounds: []float64{3, 10}, Format: "%s or more comparable problems solved"},
			{Bounds: []float64{3}, Format: "%s or more comparable problems solved"},
		}},
		{Name: "machine_type", Weight: 100, Anchor: true, Max: 1, Levels: []Level{
			{Terms: terms(machineTypes)}, {Terms: families(machineTypes, machineFamilies)},
		}},
		{Name: "material_family", Weight: 60, Max: 1, Levels: []Level{
			{Terms: terms(materials)}, {Terms: families(materials, materialFamilies)},
		}},
		{Name: "process", Weight: 100, Anchor: true, Levels: []Level{{Terms: terms(processes)}}},
		{Name: "max_part_mm", Weight: 30, Levels: []Level{
			{Bounds: []float64{100, 250, 500, 1000}, Format: "≥ %s mm"},
		}},
		{Name: "credential", Weight: 40, Levels: []Level{{Terms: terms(credentials)}}},
		{Name: "shift", Weight: 5, Levels: []Level{{Terms: terms(shifts)}}},
		{Name: "category", Weight: 50, Anchor: true, Backup: true, Levels: []Level{{Depth: 3}, {Depth: 2}, {Depth: 1}}},
	}
}

// check reports the first contradiction of a schema.
func (s Schema) check() error {
	seen := map[string]bool{}
	for i, f := range s {
		bad := func(why string) error { return fmt.Errorf("%w: field %d: %s", ErrSchema, i, why) }
		switch {
		case f.Name == "" || seen[f.Name]:
			return bad("needs a name of its own")
		case f.checkStages() != "":
			return bad(f.checkStages())
		case f.Stages == nil && len(f.Levels) == 0:
			return bad("needs a level or a stage")
		case f.told() && (!(f.Weight > 0) || math.IsInf(f.Weight, 0)):
			return bad("weight must be positive")
		case f.Max < 0:
			return bad("max must not be negative")
		case len(f.Levels) == 0:
			seen[f.Name] = true
			continue
		}
		seen[f.Name] = true
		for _, l := range f.Levels {
			if err := l.check(); err != nil {
				return bad(err.Error())
			}
		}
		for a, fine := range f.Levels[:len(f.Levels)-1] {
			if !fine.coarsensTo(f.Levels[a+1]) {
				return bad(fmt.Sprintf("level %d is not coarser than level %d", a+1, a))
			}
		}
	}
	return nil
}

func (l Level) kinds() int {
	n := 0
	for _, on := range []bool{l.Terms != nil, l.Exact != "", l.Bounds != nil, l.Depth > 0} {
		if on {
			n++
		}
	}
	return n
}

func (l Level) check() error {
	switch {
	case l.kinds() != 1:
		return fmt.Errorf("a level is one of terms, exact, bounds and depth")
	case l.Exact != "" && strings.Count(l.Exact, "%d") != 1, l.Bounds != nil && strings.Count(l.Format, "%s") != 1:
		return fmt.Errorf("a format has one verb")
	case !slices.IsSorted(l.Bounds):
		return fmt.Errorf("bounds must rise")
	}
	return nil
}

// coarsensTo reports whether equal labels under l stay equal under next.
func (l Level) coarsensTo(next Level) bool {
	switch {
	case l.Terms != nil && next.Terms != nil:
		image := map[string]string{}
		for t, label := range l.Terms {
			up := next.Terms[t]
			if was, ok := image[label]; ok && was != up {
				return false
			}
			image[label] = up
		}
		return true
	case l.Bounds != nil && next.Bounds != nil:
		return !slices.ContainsFunc(next.Bounds, func(b float64) bool { return !slices.Contains(l.Bounds, b) })
	case l.Exact != "" && next.Bounds != nil:
		return true
	case l.Depth > 0 && next.Depth > 0:
		return next.Depth < l.Depth
	}
	return false
}

// term returns the label of a vocabulary term, "" if it is hidden.
func (l Level) term(t string) string {
	if l.Depth > 0 {
		seg := strings.Split(t, ".")
		return strings.ReplaceAll(strings.Join(seg[:min(l.Depth, len(seg))], " "), "_", " ")
	}
	return l.Terms[normalTerm(t)]
}

// number returns the label of a number, "" if it is hidden.
func (l Level) number(v float64) string {
	if l.Exact != "" {
		if v < 1 || v != math.Trunc(v) || v > 1e6 {
			return ""
		}
		if v == 1 && l.One != "" {
			return l.One
		}
		return fmt.Sprintf(l.Exact, int64(v))
	}
	i, found := slices.BinarySearch(l.Bounds, v)
	if !found {
		i--
	}
	if i < 0 || math.IsNaN(v) {
		return ""
	}
	return fmt.Sprintf(l.Format, strconv.FormatFloat(l.Bounds[i], 'g', -1, 64))
}
