package match_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/deeperpoint/csss/match"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func fridays() match.Window {
	return match.Window{Zone: toronto, Start: "2026-10-02T13:00", End: "2026-10-02T17:00", RRule: "FREQ=WEEKLY;BYDAY=FR;UNTIL=20261120"}
}

func TestFridaysKeepWallTimeAcrossTheEndOfDaylightSaving(t *testing.T) {
	got, err := fridays().Occurrences(time.Time{}, local("2027-01-01T00:00"))
	require.NoError(t, err)
	var utc []string
	var sum match.Amount
	for _, i := range got {
		utc = append(utc, i.Start.UTC().Format("01-02 15:04")+"–"+i.End.UTC().Format("15:04"))
		sum += i.Hours()
	}
	assert.Equal(t, []string{
		"10-02 17:00–21:00", "10-09 17:00–21:00", "10-16 17:00–21:00", "10-23 17:00–21:00", "10-30 17:00–21:00",
		"11-06 18:00–22:00", "11-13 18:00–22:00", "11-20 18:00–22:00",
	}, utc)
	assert.Equal(t, hours(32), sum)
}

func TestNightsKeepWallTimes(t *testing.T) {
	w := secondShift()
	w.RRule, w.Except = "FREQ=DAILY;UNTIL=20261231T235900", nil
	got, err := w.Occurrences(local("2026-10-31T00:00"), local("2026-11-03T00:00"))
	require.NoError(t, err)
	loc, err := time.LoadLocation(toronto)
	require.NoError(t, err)
	require.Len(t, got, 4, "the night of 30 October reaches into the 31st")
	for _, i := range got {
		assert.Equal(t, "16:00", i.Start.In(loc).Format("15:04"))
		assert.Equal(t, "00:30", i.End.In(loc).Format("15:04"))
	}
	w.Start, w.End = "2026-10-31T22:00", "2026-11-01T06:00"
	w.RRule = ""
	w.Productive = 0
	got, err = w.Occurrences(time.Time{}, local("2027-01-01T00:00"))
	require.NoError(t, err)
	assert.Equal(t, hours(9), got[0].Hours(), "the night in which clocks go back is an hour longer")
}

func TestSecondShiftHasTwentyThreeNights(t *testing.T) {
	got, err := secondShift().Occurrences(time.Time{}, local("2027-01-01T00:00"))
	require.NoError(t, err)
	assert.Len(t, got, 23)
	for _, i := range got {
		assert.NotEqual(t, "2026-10-12", i.Start.Format("2006-01-02"))
	}
}

func TestUntil(t *testing.T) {
	for until, want := range map[string]int{
		"20261009":         2, // the date's whole day
		"20261009T130000":  2, // local
		"20261009T125959":  1,
		"20261009T170000Z": 2, // 13:00 in Toronto
		"20261009T165959Z": 1,
	} {
		w := fridays()
		w.RRule = "FREQ=WEEKLY;UNTIL=" + until
		got, err := w.Occurrences(time.Time{}, local("2027-01-01T00:00"))
		require.NoError(t, err, until)
		assert.Len(t, got, want, until)
	}
}

func TestExceptCountsTowardsCount(t *testing.T) {
	w := fridays()
	w.RRule, w.Except = "FREQ=WEEKLY;COUNT=3", []string{"2026-10-09"}
	got, err := w.Occurrences(time.Time{}, local("2027-01-01T00:00"))
	require.NoError(t, err)
	require.Len(t, got, 2)
	assert.Equal(t, local("2026-10-16T13:00").UTC(), got[1].Start.UTC())
}

func TestWindowErrors(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*match.Window)
		field  string
	}{
		"ends before it starts":      {func(w *match.Window) { w.End = "2026-10-02T12:59" }, "end"},
		"ends when it starts":        {func(w *match.Window) { w.End = w.Start }, "end"},
		"longer than a year":         {func(w *match.Window) { w.End = "2027-11-02T13:00" }, "end"},
		"unknown zone":               {func(w *match.Window) { w.Zone = "America/Atlantis" }, "zone"},
		"no zone":                    {func(w *match.Window) { w.Zone = "" }, "zone"},
		"the host's zone":            {func(w *match.Window) { w.Zone = "Local" }, "zone"},
		"path as a zone":             {func(w *match.Window) { w.Zone = "../etc/passwd" }, "zone"},
		"seconds":                    {func(w *match.Window) { w.Start = "2026-10-02T13:00:00" }, "start"},
		"a day that is none":         {func(w *match.Window) { w.Start = "2026-02-30T13:00" }, "start"},
		"too early":                  {func(w *match.Window) { w.Start = "1969-12-31T13:00" }, "start"},
		"too late":                   {func(w *match.Window) { w.End = "2370-10-02T13:00" }, "end"},
		"productive beyond length":   {func(w *match.Window) { w.Productive = 5 * time.Hour }, "productive"},
		"negative productive":        {func(w *match.Window) { w.Productive = -1 }, "productive"},
		"except is no date":          {func(w *match.Window) { w.Except = []string{"2026-10-09", "13 Nov"} }, "except[1]"},
		"unknown rule part":          {func(w *match.Window) { w.RRule = "FREQ=WEEKLY;BYHOUR=3" }, "rrule"},
		"no frequency":               {func(w *match.Window) { w.RRule = "COUNT=3" }, "rrule"},
		"hourly":                     {func(w *match.Window) { w.RRule = "FREQ=HOURLY;COUNT=3" }, "rrule"},
		"nonsense":                   {func(w *match.Window) { w.RRule = "every Friday" }, "rrule"},
		"too many":                   {func(w *match.Window) { w.RRule = "FREQ=DAILY;COUNT=5001" }, "rrule"},
		"start is no occurrence":     {func(w *match.Window) { w.RRule = "FREQ=WEEKLY;BYDAY=MO" }, "rrule"},
		"never":                      {func(w *match.Window) { w.RRule = "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30" }, "rrule"},
		"ends before it begins":      {func(w *match.Window) { w.RRule = "FREQ=WEEKLY;UNTIL=20261001" }, "rrule"},
		"tenth Saturday":             {func(w *match.Window) { w.RRule = "FREQ=MONTHLY;BYDAY=10SA" }, "rrule"},
		"ordinal in a week":          {func(w *match.Window) { w.RRule = "FREQ=WEEKLY;BYDAY=1FR" }, "rrule"},
		"part without a value":       {func(w *match.Window) { w.RRule = "FREQ=WEEKLY;" }, "rrule"},
		"interval beyond the limits": {func(w *match.Window) { w.RRule = "FREQ=WEEKLY;INTERVAL=1001" }, "rrule"},
	} {
		t.Run(name, func(t *testing.T) {
			w := fridays()
			c.change(&w)
			err := w.Validate()
			f, ok := errors.AsType[*match.FieldError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, c.field, f.Field)
			assert.True(t, strings.HasPrefix(err.Error(), "match: "+c.field+" is "), err.Error())
			_, err = w.Occurrences(time.Time{}, local("2027-01-01T00:00"))
			assert.Error(t, err)
		})
	}
}

func TestNeverEndingRulesAreBounded(t *testing.T) {
	w := fridays()
	w.RRule = "FREQ=DAILY"
	begin := time.Now()
	got, err := w.Occurrences(time.Time{}, time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	assert.Len(t, got, 3654, "ten years of days, and the first")
	assert.Less(t, time.Since(begin), 5*time.Second)
}

func TestParseWindowRoundTrip(t *testing.T) {
	for _, w := range []match.Window{fridays(), secondShift(), {Zone: "UTC", Start: "2026-01-01T00:00", End: "2026-01-02T00:00"}} {
		got, err := match.ParseWindow(w.String())
		require.NoError(t, err)
		assert.Equal(t, w, got)
	}
	for _, bad := range []string{"", "UTC", "UTC 2026-01-01T00:00", "UTC 2026-01-01T00:00/2026-01-02T00:00 RRULE:", "UTC 2026-01-01T00:00/2026-01-02T00:00 X:1",
		"UTC 2026-01-01T00:00/2026-01-02T00:00 PRODUCTIVE:1h PRODUCTIVE:2h", "UTC 2026-01-01T00:00/2026-01-02T00:00 PRODUCTIVE:-1h"} {
		_, err := match.ParseWindow(bad)
		_, ok := errors.AsType[*match.FieldError](err)
		assert.True(t, ok, "%q: %v", bad, err)
	}
}

func FuzzParseWindow(f *testing.F) {
	for _, w := range []match.Window{fridays(), secondShift()} {
		f.Add(w.String())
	}
	f.Add("UTC 2026-02-28T23:00/2026-03-01T01:00 RRULE:FREQ=MONTHLY;BYDAY=-1SA;BYSETPOS=-1;COUNT=12")
	f.Add("UTC 2026-01-31T00:00/2026-01-31T01:00 RRULE:FREQ=MONTHLY;BYDAY=-1SA,5SA;BYSETPOS=1")
	f.Add("UTC 2028-02-29T00:00/2028-02-29T01:00 RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;INTERVAL=4 EXDATE:2032-02-29")
	f.Fuzz(func(t *testing.T, s string) {
		w, err := match.ParseWindow(s)
		if err != nil {
			if _, ok := errors.AsType[*match.FieldError](err); !ok {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		again, err := match.ParseWindow(w.String())
		if err != nil || again.String() != w.String() {
			t.Fatalf("%q became %q: %v", w, again, err)
		}
		all, err := w.Occurrences(time.Time{}, time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			return
		}
		if len(all) > match.MaxOccurrences {
			t.Fatalf("%d occurrences", len(all))
		}
		for i, x := range all {
			if !x.End.After(x.Start) || i > 0 && x.Start.Before(all[i-1].Start) {
				t.Fatalf("occurrence %d: %v after %v", i, x, all[max(0, i-1)])
			}
		}
	})
}

func ExampleWindow_Occurrences() {
	w := match.Window{Zone: "America/Toronto", Start: "2026-10-30T13:00", End: "2026-10-30T17:00", RRule: "FREQ=WEEKLY;COUNT=2"}
	got, err := w.Occurrences(time.Time{}, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, i := range got {
		fmt.Println(i.Start.UTC().Format(time.RFC3339), i.Hours().Duration())
	}
	// Output:
	// 2026-10-30T17:00:00Z 4h0m0s
	// 2026-11-06T18:00:00Z 4h0m0s
}

func ExampleParseWindow() {
	w, err := match.ParseWindow("America/Toronto 2026-10-02T13:00/2026-10-02T17:00 RRULE:FREQ=WEEKLY;COUNT=8")
	fmt.Println(w.RRule, err)
	_, err = match.ParseWindow("America/Toronto 2026-10-02T13:00/2026-10-02T12:00")
	fmt.Println(err)
	// Output:
	// FREQ=WEEKLY;COUNT=8 <nil>
	// match: end is "2026-10-02T12:00", want after start 2026-10-02T13:00
}
