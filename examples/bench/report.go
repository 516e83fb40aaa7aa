package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// report writes what was measured: lines of JSON, or a table for people.
type report struct {
	lines *json.Encoder // nil without -json
	table io.Writer
	notes io.Writer // progress, and what was skipped
}

func newReport(asJSON bool, stdout, stderr io.Writer) *report {
	if asJSON {
		return &report{lines: json.NewEncoder(stdout), table: stderr, notes: stderr}
	}
	return &report{table: stdout, notes: stderr}
}

// line writes one JSON object.
func (r *report) line(v any) error {
	if r.lines == nil {
		return nil
	}
	return r.lines.Encode(v)
}

// row writes one line of the table.
func (r *report) row(format string, args ...any) { fmt.Fprintf(r.table, format+"\n", args...) }

// note tells how the work goes on.
func (r *report) note(format string, args ...any) { fmt.Fprintf(r.notes, format+"\n", args...) }

// skipped is the line of a peer that is not to be had.
type skipped struct {
	Engine string `json:"engine"`
	Skip   string `json:"skip"`
}

// skip says that an engine cannot be measured here, and why.
func (r *report) skip(engine, why string) error {
	r.note("SKIP %s: %s", engine, why)
	return r.line(skipped{engine, why})
}

// figure is a number that is printed with four significant digits: no
// measurement here has more.
type figure float64

// MarshalJSON writes a plain decimal number; 0 for what is none.
func (f figure) MarshalJSON() ([]byte, error) { return []byte(f.digits()), nil }

func (f figure) digits() string {
	x := float64(f)
	if math.IsNaN(x) || math.IsInf(x, 0) || x == 0 {
		return "0"
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'e', 3, 64), 64)
	if err != nil {
		return "0"
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// String writes the digits with commas between the thousands.
func (f figure) String() string {
	whole, rest, dot := strings.Cut(f.digits(), ".")
	for at := len(whole) - 3; at > 0 && whole[at-1] != '-'; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if dot {
		return whole + "." + rest
	}
	return whole
}
