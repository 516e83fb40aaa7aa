package main

import (
	"maps"
	"slices"
	"testing"

	"github.com/deeperpoint/csss/examples/bench/rules"
)

func TestEachPeerDecidesAsTheRulesMean(t *testing.T) {
	w := rules.New(60, 60, 1)
	for i := range w.Rules { // so that forbids meet permits
		if w.Rules[i].Forbid {
			w.Rules[i].Category = w.Rules[i-1].Category
			w.Rules[i].When = w.Rules[i].When[:2]
		}
	}
	for name, e := range engines {
		r, err := rules.Open(w, e.loader)
		if err != nil {
			t.Fatal(name, err)
		}
		allowed := 0
		for i, got := range r.Report().Allowed {
			want := w.Allowed(&w.Requests[i])
			if got != want {
				t.Errorf("%s allows request %d: %v", name, i, got)
			}
			if want {
				allowed++
			}
		}
		if allowed < 50 || allowed > 450 {
			t.Errorf("%d requests are allowed", allowed)
		}
	}
}

func TestEachPeerIsOpenedRunAndClosed(t *testing.T) {
	s := newServer()
	for _, name := range slices.Sorted(maps.Keys(engines)) {
		a, err := s.Answer(rules.Ask{Do: "open", Engine: name, Rules: 20, Shapes: 5, Seed: 1})
		if err != nil || a.Version == "" {
			t.Fatal(name, a, err)
		}
		if _, err := s.Answer(rules.Ask{Do: "run", Engine: name, Seconds: 0.01}); err != nil {
			t.Fatal(name, err)
		}
		a, err = s.Answer(rules.Ask{Do: "close", Engine: name})
		if err != nil || a.Report.NS <= 0 || a.Report.P99 < a.Report.P50 || a.Report.LoadMS <= 0 {
			t.Error(name, a.Report, err)
		}
	}
}
