package disclosure

import (
	"fmt"
	"slices"
	"strconv"
)

// Detail is how fully a stage shows a field; a larger one shows more.
type Detail uint8

// The details, in order.
const (
	Hidden  Detail = iota // not at all
	Guarded               // as finely as the k-guard allows, see [Summarizer.Freeze]
	Finest                // by its finest level, however few share that
	Plain                 // the value itself
)

var detailNames = [...]string{"hidden", "guarded", "finest", "plain"}

// String returns the detail's name.
func (d Detail) String() string {
	if int(d) < len(detailNames) {
		return detailNames[d]
	}
	return fmt.Sprintf("detail %d", uint8(d))
}

// Stages says from which stage on a field is shown how fully. A stage without
// an entry shows what the one before it shows; before the first entry a field is
// hidden.
type Stages map[Stage]Detail

// At returns how fully stage shows the field.
func (s Stages) At(stage Stage) Detail {
	for at := stage; at > StageNothing; at-- {
		if d, ok := s[at]; ok {
			return d
		}
	}
	return Hidden
}

// guarded is the default of a field with levels: told in the summary, and no
// more than that later.
var guarded = Stages{StageSummary: Guarded}

// At returns how fully stage shows the field.
func (f Field) At(stage Stage) Detail {
	if f.Stages == nil && len(f.Levels) > 0 {
		return guarded.At(stage)
	}
	return f.Stages.At(stage)
}

// earliest is the first stage that may show anything of a class.
var earliest = map[Class]Stage{
	Quasi:     StageSummary,
	Sensitive: StageSummary,
	Direct:    StageIdentity,
	FreeText:  StageContact,
}

// checkStages reports the first contradiction between a field's class, its
// levels and its stages; "" if there is none.
func (f Field) checkStages() string {
	first, known := earliest[f.Class]
	if !known {
		return "unknown class"
	}
	if f.Class >= Direct && len(f.Levels) > 0 {
		return "direct identifiers and free text have no place in a summary"
	}
	for stage := range f.Stages {
		if stage == StageNothing || stage > StageEngagement {
			return "stages run from 1 to 4"
		}
	}
	was := Hidden
	for stage := StageSummary; stage <= StageEngagement; stage++ {
		d := f.At(stage)
		switch {
		case d > Plain:
			return "unknown detail"
		case d < was:
			return fmt.Sprintf("stage %d shows less than the one before it", stage)
		case d > Hidden && stage < first:
			return fmt.Sprintf("its class is not shown before stage %d", first)
		case d > Guarded && stage < StageIdentity:
			return "before the reveal only the k-guard decides what is shown"
		case d > Hidden && d < Plain && len(f.Levels) == 0:
			return "needs a level"
		}
		was = d
	}
	return ""
}

// told reports whether a summary may tell of the field.
func (f Field) told() bool { return f.At(StageSummary) == Guarded }

// Later returns the names of the fields of which some stage shows more than the
// summary does, in the order of the schema: what an offer commits itself to.
func (s Schema) Later() []string {
	var out []string
	for _, f := range s {
		if f.At(StageEngagement) > Guarded {
			out = append(out, f.Name)
		}
	}
	return out
}

// Values are plain values by field; a field may have several.
type Values map[string][]string

// Open returns what stage shows of v beyond the summary: Plain fields as they
// are, Finest ones by the labels of their first level. Whatever the schema does
// not name, and whatever the k-guard has to decide, is left out. The result
// shares nothing with v.
//
// It knows nothing of a session: [Engine] decides whether a stage is reached.
func (s Schema) Open(stage Stage, v Values) Values {
	out := Values{}
	for _, f := range s {
		var shown []string
		switch f.At(stage) {
		case Plain:
			shown = slices.Clone(v[f.Name])
		case Finest:
			shown = f.finest(v[f.Name])
		}
		if len(shown) > 0 {
			out[f.Name] = shown
		}
	}
	return out
}

// finest labels values by the first level, each label once; a value without a
// label is hidden.
func (f Field) finest(values []string) []string {
	var out []string
	for _, v := range values {
		label := f.Levels[0].label(v)
		if label != "" && !slices.Contains(out, label) {
			out = append(out, label)
		}
	}
	return out
}

// label is the label of a value written as text.
func (l Level) label(v string) string {
	if l.Exact == "" && l.Bounds == nil {
		return l.term(v)
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil {
		return ""
	}
	return l.number(n)
}
