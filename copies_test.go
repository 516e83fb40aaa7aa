package csss_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
)

// scribble overwrites every string and number that can be reached through the
// slices, maps and pointers of a result.
func scribble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			scribble(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				scribble(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			scribble(v.Index(i))
		}
	case reflect.Map:
		v.Clear()
	case reflect.String:
		if v.CanSet() {
			v.SetString("scribbled")
		}
	case reflect.Int, reflect.Int64:
		if v.CanSet() {
			v.SetInt(-1)
		}
	case reflect.Uint8:
		if v.CanSet() {
			v.SetUint(0)
		}
	}
}

// Results are the caller's: whatever it does to one, the exchange answers the
// next call as if nothing had happened.
func TestResultsAreTheCallers(t *testing.T) {
	d := newDeal(t, csss.Config{})
	story := d.story()
	read := map[string]func() any{
		"matches": func() any { m, _ := d.x.Candidates(d.s.Requester.At(d.at), d.s.Need.ID); return m },
		"inbox":   func() any { v, _ := d.x.Inbox(background, d.s.Owner.At(d.at)); return v },
		"party":   func() any { v, _ := d.x.Inbox(background, d.s.Vance.At(d.at)); return v },
		"offer":   func() any { v, _ := d.x.Offer(d.s.Vance.At(d.at), d.s.Offer); return v },
		"need":    func() any { v, _ := d.x.Need(d.s.Requester.At(d.at), d.s.Need.ID); return v },
		"preview": func() any { v, _ := d.x.Preview(d.s.Vance.At(d.at), d.s.Offer); return v },
		"status":  func() any { v, _ := d.x.Status(background, d.s.Requester.At(d.at), d.demand); return v },
		"trail":   func() any { v, _ := d.x.Trail(background, d.s.Vance.At(d.at), d.supply); return v },
		"nearmisses": func() any {
			v, _ := d.x.NearMisses(background, d.s.Decoys[0].Owner.At(d.at), d.s.Decoys[0].Offer)
			return v
		},
	}
	text := func(v any) string {
		out, err := json.Marshal(v)
		require.NoError(t, err)
		return string(out)
	}
	seen := map[string]bool{}
	for _, m := range story {
		d.must(m)
		state := d.digest()
		for name, call := range read {
			got := call()
			before := text(got)
			v := reflect.New(reflect.TypeOf(got))
			v.Elem().Set(reflect.ValueOf(got))
			scribble(v)
			seen[name] = seen[name] || text(v.Elem().Interface()) != before
			assert.Equal(t, before, text(call()), "%s after %s", name, m.name)
		}
		require.Equal(t, state, d.digest(), "after %s", m.name)
	}
	for name := range read {
		assert.True(t, seen[name], "%s was never scribbled on", name)
	}
	for _, stage := range []disclosure.Stage{disclosure.StageSummary, disclosure.StageIdentity} {
		for range 2 { // what the first call returned is scribbled on before the second
			v, err := d.x.View(background, d.s.Requester.At(d.at), d.demand, stage)
			require.NoError(t, err)
			assert.NotContains(t, v.Summary, "scribbled")
			require.NotEmpty(t, v.Summary)
			if v.Deal != nil {
				assert.NotEmpty(t, v.Deal.Slots)
				for _, s := range v.Deal.Slots {
					assert.Positive(t, s.Amount)
				}
			}
			scribble(reflect.ValueOf(&v))
		}
	}
}
